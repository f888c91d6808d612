"""An operator brings a user along from another system, with the hash of their password there."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from libs.crypto.imported_hashes import FORMATS, is_imported_hash
from libs.crypto.random import uuid7
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.account import Account, AccountState
from services.authentication.domain.accounts.claim_rules import parse_profile
from services.authentication.domain.accounts.usernames import check_username
from services.authentication.ports.work import Begin, View


@dataclass(frozen=True)
class ImportedUser:
    """What an operator asks for; nothing in it has been judged."""

    username: str
    password_hash: str = field(repr=False)
    claims: Mapping[str, object] = field(default_factory=dict, repr=False)
    dry_run: bool = False


class ImportUser:
    def __init__(self, *, view: View, work: Begin, clock: Clock) -> None:
        self._view = view
        self._work = work
        self._clock = clock

    async def __call__(self, unverified: ImportedUser, *, operator: str) -> Account:
        """Creates an account. The imported hash is replaced by argon2id at the first sign-in.

        Raises:
            InvalidRequest: USERNAME_TAKEN, HASH_UNKNOWN, or an invalid name or claim.
        """
        now = self._clock.now()
        username, username_key = check_username(unverified.username)
        if not is_imported_hash(unverified.password_hash):
            raise InvalidRequest(
                f"password_hash has an unsupported format or cost. Supported: {FORMATS}", reason=Reason.HASH_UNKNOWN
            )
        account = Account(
            id=uuid7(now),
            username=username,
            state=AccountState.ACTIVE,
            profile=parse_profile(unverified.claims, today=now.date()),
            created_at=now,
            profile_updated_at=now,
        )
        if unverified.dry_run:
            async with self._view() as view:
                if await view.accounts.by_name(username_key) is not None:
                    raise _taken()
            return account
        async with self._work() as work:
            added = await work.accounts.add(account, username_key=username_key, password_hash=unverified.password_hash)
            if not added:
                raise _taken()
            work.emit(events.account_created(account.id, actor=events.operator(operator)))
        return account


def _taken() -> InvalidRequest:
    return InvalidRequest("username is already in use.", reason=Reason.USERNAME_TAKEN)
