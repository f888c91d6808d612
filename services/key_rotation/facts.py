"""What this service tells subscribers (protos/latchkey/events/v1)."""

from latchkey.events.v1 import events_pb2
from libs.servicekit.facts import Actor, Fact
from services.key_rotation.domain.keys import Key, KeyState

_SYSTEM = Actor("system")


def key_made(key: Key) -> tuple[Fact, ...]:
    """key.published, and key.activated when it signs from the start."""
    published = Fact(events_pb2.KeyPublished(kid=key.kid, alg=key.alg), key.kid, _SYSTEM)
    if key.state is not KeyState.ACTIVE:
        return (published,)
    return (published, Fact(events_pb2.KeyActivated(kid=key.kid, alg=key.alg), key.kid, _SYSTEM))
