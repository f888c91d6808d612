"""An operator names a receiver."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from libs.crypto.random import uuid7
from libs.fetch.errors import FetchRefused
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.event_bridge import events
from services.event_bridge.domain.filters import parse_all
from services.event_bridge.domain.seals import SecretSeals
from services.event_bridge.domain.signatures import WebhookSecret, new_webhook_secret
from services.event_bridge.domain.webhooks import Webhook
from services.event_bridge.ports import Begin

LONGEST_DESCRIPTION = 200


@dataclass(frozen=True, kw_only=True)
class Wanted:
    url: str
    filters: Sequence[str]
    description: str


class CreateWebhook:
    """`check_url`: raises FetchRefused for what is never fetched. `most`: webhooks that there may be."""

    def __init__(
        self, begin: Begin, *, seals: SecretSeals, check_url: Callable[[str], None], clock: Clock, most: int
    ) -> None:
        self._begin = begin
        self._seals = seals
        self._check_url = check_url
        self._clock = clock
        self._most = most

    async def __call__(self, wanted: Wanted) -> tuple[Webhook, WebhookSecret]:
        """The webhook, enabled, and its secret, which nobody can be told again.

        Raises:
            InvalidRequest: of what was said.
        """
        self._judge(wanted)
        now, secret = self._clock.now(), new_webhook_secret()
        webhook = Webhook(
            webhook_id=f"wh_{uuid7(now)}",
            url=wanted.url,
            filters=tuple(wanted.filters),
            description=wanted.description,
            created_at=now,
        )
        async with self._begin() as work:
            if await work.webhooks.count() >= self._most:
                raise _refused(f"There are {self._most} webhooks already.", Reason.WEBHOOKS_FULL)
            await work.webhooks.add(webhook, self._seals.seal(secret, webhook_id=webhook.webhook_id))
            work.emit(events.webhook_created(webhook.webhook_id, filters=webhook.filters))
        return webhook, secret

    def _judge(self, wanted: Wanted) -> None:
        try:
            parse_all(wanted.filters)
        except ValueError:
            raise _refused(
                "A filter is login.>, session.ended, *.revoked or the like.", Reason.WEBHOOK_FILTER
            ) from None
        try:
            self._check_url(wanted.url)
        except FetchRefused as refusal:
            raise _refused(f"The URL cannot be used: {refusal.detail or refusal.reason}.", Reason.WEBHOOK_URL) from None
        if len(wanted.description) > LONGEST_DESCRIPTION or not wanted.description.isprintable():
            raise _refused("The description is too long, or not printable.", Reason.WEBHOOK_DESCRIPTION)


def _refused(description: str, reason: Reason) -> InvalidRequest:
    return InvalidRequest(description, reason=reason, redirectable=False)
