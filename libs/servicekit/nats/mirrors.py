"""Copies of the event streams in accounts of their own, so that no reader has a login in the services' account.

JetStream sends what a request asks for to any subject that the request names. A reader in the services' account could
have old events put on the subject of an event, and could acknowledge messages of a service's consumers. So only
services have users in that account. Every other account has streams of its own, which the server fills from the
originals.
"""

from dataclasses import dataclass
from typing import Final

from libs.servicekit.nats.accounts import Export

MIRRORED: Final = ("LATCHKEY_EVENTS", "LATCHKEY_TOKENS")
"""Streams of the services' account that other accounts have copies of."""
ORIGIN_API: Final = "LATCHKEY.ORIGIN.API"
"""The JetStream API of the services' account, as the server's mirrors call it. No user has rights on it."""
_DELIVERY: Final = "LATCHKEY.MIRROR"


@dataclass(frozen=True)
class Mirror:
    """The copies in one account.

    Args:
        account: its name.
        redrives: operators may give one consumer of this account an event again.
    """

    account: str
    redrives: bool = False

    @property
    def delivery(self) -> str:
        """Prefix of the subjects on which the server delivers events to the copies."""
        return f"{_DELIVERY}.{self.account}"

    def exports(self) -> tuple[Export, ...]:
        """What the services' account exports to this one."""
        return (
            *(
                Export(
                    f"{self.account} copies {stream}{rest}",
                    f"$JS.API.CONSUMER.CREATE.{stream}{rest}",
                    local_subject=f"{ORIGIN_API}.CONSUMER.CREATE.{stream}{rest}",
                )
                for stream in MIRRORED
                for rest in ("", ".>")
            ),
            Export(f"{self.account} flow control", "$JS.FC.>"),
            Export(f"{self.account} delivery", f"{self.delivery}.>", kind="stream"),
            Export(f"{self.account} live events", "latchkey.v1.>", kind="stream"),
        )


SUBSCRIBERS: Final = Mirror("subscribers", redrives=True)
"""Subscribers with durable consumers of their own, and operators."""
READERS: Final = Mirror("readers")
"""Programs that read with consumers that end with them: token verifiers, the playground."""
MIRRORS: Final = (SUBSCRIBERS, READERS)
