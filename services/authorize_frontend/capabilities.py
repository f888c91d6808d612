"""What this installation offers to people who are not signed in, as the authentication service says."""

import asyncio
from typing import TYPE_CHECKING

from latchkey.authentication.v1.offers_pb2 import GetOffersRequest
from libs.oauth.errors import OAuthError
from libs.servicekit.base import logs

if TYPE_CHECKING:
    from latchkey.authentication.v1.offers_pb2_grpc import OfferServiceAsyncStub

ASK_SECONDS = 30.0
FIRST_SECONDS = 1.0
_log = logs.get(__name__)


class Offers:
    """Only what pages link to: whatever is asked for is judged by the service that does it."""

    def __init__(self, service: "OfferServiceAsyncStub") -> None:
        self.mail: bool | None = None
        """Letters are sent; None while it is not known, and nothing is linked to."""
        self.sign_up: bool | None = None
        """People may make accounts for themselves."""
        self._service = service

    async def run(self) -> None:
        """Asks every ASK_SECONDS, as it changes only when that service starts anew."""
        known = False
        while True:
            known = await self.ask() or known
            await asyncio.sleep(ASK_SECONDS if known else FIRST_SECONDS)

    async def ask(self) -> bool:
        """Asks once; False when there is no answer, and what was said before stays."""
        try:
            answer = await self._service.GetOffers(GetOffersRequest())
        except OAuthError as error:
            _log.info("What is offered is not known", reason=error.reason)
            return False
        self.mail, self.sign_up = answer.mail, answer.sign_up
        return True
