"""Lists and revokes initial access tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.token import events
from services.token.domain.clients.registrations import InitialAccessToken
from services.token.ports.work import Begin, View

MAX_LISTED = 500


@dataclass(frozen=True, kw_only=True)
class ListInitialAccessTokens:
    view: View
    clock: Clock

    async def __call__(self) -> Sequence[InitialAccessToken]:
        """Those that can still be used, the latest first, at most 500."""
        async with self.view() as view:
            return await view.initial_access_tokens.usable(limit=MAX_LISTED, now=self.clock.now())


@dataclass(frozen=True, kw_only=True)
class RevokeInitialAccessToken:
    begin: Begin

    async def __call__(self, token_id: str) -> None:
        """From now on it registers nothing; what it has registered stays. Raises InvalidRequest when there is none."""
        async with self.begin() as work:
            if not await work.initial_access_tokens.remove(token_id):
                raise InvalidRequest("token_id is unknown.", reason=Reason.REGISTRATION_TOKEN_UNKNOWN)
            work.emit(events.admin_acted("initial_access_token.revoked", target_id=token_id))
