"""Asking the hook on tokens by NATS request and reply: whichever of the operator's workers is free answers.

The bus may be away and a worker may hang, so the answer has a time budget; what happens without one is configured.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from prometheus_client import Counter

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs
from libs.servicekit.nats.bus import Bus
from services.token.config import TokenSettings
from services.token.domain.tokens.token_hook import HookReplyInvalid, TokenHookRequest, claims_of_reply
from services.token.ports.tokens import TokenHook

SUBJECT = "latchkey.hook.token"
ASKED = Counter("latchkey_token_hook_total", "Requests to the token hook, by outcome.", ["outcome"])
_log = logs.get(__name__)


class NoTokenHook:
    """The token hook is disabled."""

    async def __call__(self, hook_request: TokenHookRequest) -> Mapping[str, Any]:
        return {}


class BusTokenHook:
    """Args:
    without: what a missing or a bad answer means: "open", the token is given out without added claims; "closed", none
        is given out.
    budget: how long an answer is waited for.
    """

    def __init__(self, bus: Bus, *, issuer: str, without: Literal["open", "closed"], budget: timedelta) -> None:
        self._bus = bus
        self._issuer = issuer
        self._without = without
        self._budget = budget.total_seconds()

    async def __call__(self, hook_request: TokenHookRequest) -> Mapping[str, Any]:
        """The claims to add.

        Raises:
            AccessDenied: the hook denies the token.
            TemporarilyUnavailable: no valid reply in time, and the mode is closed.
        """
        body = json.dumps(hook_request.as_json(issuer=self._issuer)).encode()
        try:
            claims = claims_of_reply(await self._bus.request(SUBJECT, body, timeout=self._budget))
        except (ConnectionError, HookReplyInvalid) as error:
            ASKED.labels("failed").inc()
            _log.warning(
                "token_hook.no_response",
                message="Token hook did not respond with a valid reply",
                client_id=hook_request.client.client_id,
                cause=str(error),
                mode=self._without,
            )
            if self._without == "closed":
                raise TemporarilyUnavailable(reason=Reason.HOOK_NOT_HEARD) from None
            return {}
        ASKED.labels("answered").inc()
        return claims


def token_hook_of(settings: TokenSettings, bus: Bus) -> TokenHook:
    if settings.token_hook == "off":
        return NoTokenHook()
    budget = timedelta(milliseconds=settings.token_hook_milliseconds)
    return BusTokenHook(bus, issuer=settings.issuer, without=settings.token_hook, budget=budget)
