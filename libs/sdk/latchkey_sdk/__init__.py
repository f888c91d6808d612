"""SDK for Latchkey: subscribe to events; `verifier` verifies access tokens. It needs no other part of Latchkey."""

from latchkey_sdk.consumer import Since
from latchkey_sdk.errors import AccessRefused, BusUnreachable, LatchkeyError, SubscriptionFailed
from latchkey_sdk.event import Event
from latchkey_sdk.subscription import Subscription, subscribe

__all__ = [
    "AccessRefused",
    "BusUnreachable",
    "Event",
    "LatchkeyError",
    "Since",
    "Subscription",
    "SubscriptionFailed",
    "subscribe",
]
