"""Which optional pages the authentication service supports: sign-up, and emails."""

import asyncio
from typing import TYPE_CHECKING

from latchkey.authentication.v1.offers_pb2 import GetOffersRequest
from libs.oauth.errors import OAuthError
from libs.servicekit.base import logs

if TYPE_CHECKING:
    from latchkey.authentication.v1.offers_pb2_grpc import OfferServiceAsyncStub

REFRESH_SECONDS = 30.0
FIRST_LOAD_SECONDS = 1.0
_log = logs.get(__name__)


class Capabilities:
    """Used for links on pages only: the authentication service itself refuses what is switched off."""

    def __init__(self, service: "OfferServiceAsyncStub") -> None:
        self.mail: bool | None = None
        """Whether emails are sent; None until the first response, and pages then show no link."""
        self.sign_up: bool | None = None
        """Whether users can create accounts themselves."""
        self._service = service

    async def run(self) -> None:
        """Refreshes every REFRESH_SECONDS, until cancelled. The values change only when authentication restarts."""
        known = False
        while True:
            known = await self.refresh() or known
            await asyncio.sleep(REFRESH_SECONDS if known else FIRST_LOAD_SECONDS)

    async def refresh(self) -> bool:
        """Calls GetOffers once; returns False if that failed, and keeps the previous values."""
        try:
            response = await self._service.GetOffers(GetOffersRequest())
        except OAuthError as error:
            _log.info(
                "capabilities.refresh_failed",
                message="Could not fetch the capabilities of authentication",
                reason=error.reason,
            )
            return False
        self.mail, self.sign_up = response.mail, response.sign_up
        return True
