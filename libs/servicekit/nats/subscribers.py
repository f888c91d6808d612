"""External event subscribers: their own NATS account, and the rights of one subscriber.

JetStream sends a response to any reply subject that the request names, without a permission check. A subscriber in the
services' account could choose the subject of an event as reply subject, and so write into the stream. A subscriber in
another account cannot.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from libs.servicekit.nats import accounts
from libs.servicekit.nats.accounts import PublicKey, Rights, Seed, ServiceExport

API: Final = "LATCHKEY.API"
"""Prefix of the JetStream API in the account of the subscribers."""
SUBSCRIBER_SERVICES: Final = (
    ServiceExport("inspect", "$JS.API.CONSUMER.INFO.*.*", local_subject=f"{API}.CONSUMER.INFO.$1.$2"),
    ServiceExport(
        "pull",
        "$JS.API.CONSUMER.MSG.NEXT.*.*",
        local_subject=f"{API}.CONSUMER.MSG.NEXT.$1.$2",
        stream_response=True,
    ),
    ServiceExport("acknowledge", "$JS.ACK.>"),
)
"""Services that the subscribers' account imports. It cannot create consumers: the CLI creates them."""


@dataclass(frozen=True)
class SubscribersKey:
    """The key that signs subscribers. It allows reading everything that subscribers read, but no publishing."""

    account: PublicKey
    signing: Seed

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the key from a file. Raises OSError and ValueError."""
        match json.loads(path.read_text(encoding="ascii")):
            case {"account": str(account), "signing": str(signing)}:
                return cls(PublicKey(account), Seed(signing))
        raise ValueError("not a subscribers key file")

    def text(self) -> str:
        return json.dumps({"account": self.account, "signing": self.signing}) + "\n"

    def creds(self, consumer: str, streams: Sequence[str], *, randomness: bytes, now: datetime) -> str:
        """Return the .creds file of a new NATS user that may only inspect, pull and acknowledge that consumer."""
        seed = accounts.new_seed("user", randomness)
        jwt = accounts.user_jwt(
            consumer,
            accounts.public_key(seed),
            account=self.account,
            signer=self.signing,
            rights=rights_of(consumer, streams),
            now=now,
        )
        return accounts.creds(jwt, seed)


def inbox_of(consumer: str) -> str:
    """Return the inbox prefix of a subscriber."""
    return f"_INBOX_{consumer.replace('-', '_')}"


def rights_of(consumer: str, streams: Sequence[str]) -> Rights:
    publish = [
        subject
        for stream in streams
        for subject in (
            f"{API}.CONSUMER.INFO.{stream}.{consumer}",
            f"{API}.CONSUMER.MSG.NEXT.{stream}.{consumer}",
            f"$JS.ACK.{stream}.{consumer}.>",
        )
    ]
    return Rights(publish=publish, subscribe=(f"{inbox_of(consumer)}.>",))
