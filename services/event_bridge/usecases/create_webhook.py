"""An operator creates a webhook."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from libs.crypto.random import uuid7
from libs.fetch.errors import FetchRefused
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.event_bridge import events
from services.event_bridge.domain.filters import MAX_FILTERS, parse_all
from services.event_bridge.domain.seals import SecretSeals
from services.event_bridge.domain.signatures import WebhookSecret, new_webhook_secret
from services.event_bridge.domain.webhooks import Webhook
from services.event_bridge.ports import Begin

MAX_DESCRIPTION = 200


@dataclass(frozen=True, kw_only=True)
class NewWebhook:
    url: str
    filters: Sequence[str]
    description: str


@dataclass(frozen=True, kw_only=True)
class CreateWebhook:
    """`check_url` raises FetchRefused for a URL that the fetcher would refuse."""

    begin: Begin
    seals: SecretSeals
    check_url: Callable[[str], None]
    clock: Clock
    max_webhooks: int

    async def __call__(self, new: NewWebhook) -> tuple[Webhook, WebhookSecret]:
        """Create an enabled webhook. Returns it with its secret, which cannot be read again.

        Raises:
            InvalidRequest: a filter, the URL or the description is invalid, or there are too many webhooks.
        """
        self._validate(new)
        now, secret = self.clock.now(), new_webhook_secret()
        webhook = Webhook(
            webhook_id=f"wh_{uuid7(now)}",
            url=new.url,
            filters=tuple(new.filters),
            description=new.description,
            created_at=now,
        )
        async with self.begin() as work:
            if await work.webhooks.count() >= self.max_webhooks:
                raise _invalid(f"The limit of {self.max_webhooks} webhooks is reached.", Reason.WEBHOOKS_FULL)
            await work.webhooks.add(webhook, self.seals.seal(secret, webhook_id=webhook.webhook_id))
            work.emit(events.webhook_created(webhook.webhook_id, filters=webhook.filters))
        return webhook, secret

    def _validate(self, new: NewWebhook) -> None:
        try:
            parse_all(new.filters)
        except ValueError:
            raise _invalid(
                f"filters must be 1 to {MAX_FILTERS} event filters such as login.>, session.ended or *.revoked.",
                Reason.WEBHOOK_FILTER,
            ) from None
        try:
            self.check_url(new.url)
        except FetchRefused as refusal:
            raise _invalid(f"url is not permitted: {refusal.detail or refusal.reason}.", Reason.WEBHOOK_URL) from None
        if len(new.description) > MAX_DESCRIPTION or not new.description.isprintable():
            raise _invalid(
                f"description must be at most {MAX_DESCRIPTION} printable characters.", Reason.WEBHOOK_DESCRIPTION
            )


def _invalid(description: str, reason: Reason) -> InvalidRequest:
    return InvalidRequest(description, reason=reason, redirectable=False)
