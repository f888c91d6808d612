"""One attempt to tell a client's server that a session has ended (OpenID Connect Back-Channel Logout 1.0, 2.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from libs.fetch.errors import FetchRefused
from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from services.token.domain.clients.client import Client
from services.token.domain.sessions.logout import LogoutDelivery, Outcome
from services.token.ports.clients import ClientDirectory
from services.token.ports.work import Begin
from services.token.usecases.tokens.mint_tokens import MintTokens

_log = logs.get(__name__)


class Post(Protocol):
    async def post_form(self, url: str, fields: Mapping[str, str]) -> int:
        """The status of the answer. Raises FetchRefused when there is none that counts."""


@dataclass(frozen=True, kw_only=True)
class DeliverLogout:
    begin: Begin
    mint: MintTokens
    post: Post
    clients: ClientDirectory
    clock: Clock

    async def claim(self, *, limit: int) -> Sequence[LogoutDelivery]:
        """Deliveries that are due, for this caller alone until their lease ends."""
        async with self.begin() as work:
            return await work.logout_deliveries.claim(limit=limit, now=self.clock.now())

    async def __call__(self, delivery: LogoutDelivery) -> Outcome | datetime:
        """Tries once, and keeps what came of it: how it ended, or when it is tried again.

        Raises:
            TemporarilyUnavailable: the database is unavailable; the delivery is retried after the lease.
        """
        client = await self.clients.find(delivery.client_id)
        if client is None or not client.metadata.backchannel_logout_uri:
            result: Outcome | datetime = Outcome.CLIENT_GONE
        else:
            result = delivery.after(await self._tell(delivery, client), now=self.clock.now())
        async with self.begin() as work:
            if isinstance(result, Outcome):
                await work.logout_deliveries.settle(delivery, result)
            else:
                await work.logout_deliveries.postpone(delivery, until=result)
        return result

    async def _tell(self, delivery: LogoutDelivery, client: Client) -> int | None:
        """The status of the answer; None when there is none. Each attempt has its own token: they live for minutes."""
        try:
            token = await self.mint.logout_token(
                client, user_id=delivery.user_id, session_id=delivery.session_id, now=self.clock.now()
            )
            status = await self.post.post_form(client.metadata.backchannel_logout_uri, {"logout_token": token})
        except FetchRefused as refusal:
            _log.info(
                "backchannel_logout.failed",
                message="Back-channel logout request failed",
                client_id=client.client_id,
                cause=str(refusal),
            )
            return None
        except TemporarilyUnavailable as error:
            _log.info(
                "backchannel_logout.token_not_signed",
                message="Logout token could not be signed",
                client_id=client.client_id,
                reason=error.reason,
            )
            return None
        _log.info(
            "backchannel_logout.sent",
            message="Back-channel logout request sent",
            client_id=client.client_id,
            status=status,
        )
        return status
