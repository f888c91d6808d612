"""Subscribers: NATS users of the subscribers' account, each with the rights on one durable consumer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from libs.servicekit.nats import accounts
from libs.servicekit.nats.accounts import PublicKey, Rights, Seed


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
            f"$JS.API.CONSUMER.INFO.{stream}.{consumer}",
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}",
            f"$JS.ACK.{stream}.{consumer}.>",
        )
    ]
    return Rights(publish=publish, subscribe=(f"{inbox_of(consumer)}.>",))
