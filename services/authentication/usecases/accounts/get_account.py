"""Returns account data to the token service."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from libs.servicekit.base.clock import Clock
from services.authentication.domain.accounts.account import AccountState
from services.authentication.domain.ids import is_id, is_user_id
from services.authentication.domain.sessions.session import Lifetimes
from services.authentication.ports.work import View


@dataclass(frozen=True)
class AccountResponse:
    state: AccountState
    session_live: bool
    claims: dict[str, object]
    grants_not_before: datetime | None = None
    """Grants that were made before this time are refused; None: no grant is."""


class GetAccount:
    """One indexed read, whatever is asked. Asking about a session is no use of it."""

    def __init__(self, *, view: View, clock: Clock, lifetimes: Lifetimes) -> None:
        self._view = view
        self._clock = clock
        self._lifetimes = lifetimes

    async def __call__(self, user_id: str, *, session_id: str, claims: Collection[str]) -> AccountResponse | None:
        """None for an unknown user. A disabled account has no live session and tells no claims."""
        if not is_user_id(user_id):
            return None
        async with self._view() as view:
            found = await view.accounts.with_session(user_id, session_id if is_id(session_id) else "")
        if found is None:
            return None
        account, session = found
        if not account.active:
            return AccountResponse(account.state, session_live=False, claims={})
        live = session is not None and session.live(now=self._clock.now(), lifetimes=self._lifetimes)
        wanted = {name: value for name, value in account.claims().items() if name in claims}
        return AccountResponse(
            account.state, session_live=live, claims=wanted, grants_not_before=account.grants_not_before
        )
