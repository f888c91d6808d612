"""Events of this service (protos/latchkey/events/v1)."""

from latchkey.events.v1 import events_pb2
from libs.servicekit.events.event import Actor, Event
from services.key_rotation.domain.keys import Key, KeyState, RevocationReason
from services.key_rotation.domain.rotation import Change

SYSTEM = Actor("system")
ADMIN = Actor("admin", "cli")
_REASONS = {
    RevocationReason.COMPROMISED: events_pb2.REASON_COMPROMISED,
    RevocationReason.SUSPECTED: events_pb2.REASON_SUSPECTED,
    RevocationReason.DRILL: events_pb2.REASON_DRILL,
}


def key_created(key: Key) -> tuple[Event, ...]:
    """Return key.published, and key.activated if the key is active from the start."""
    published = Event(events_pb2.KeyPublished(kid=key.kid, alg=key.alg), key.kid, SYSTEM)
    if key.state is not KeyState.ACTIVE:
        return (published,)
    return (published, Event(events_pb2.KeyActivated(kid=key.kid, alg=key.alg), key.kid, SYSTEM))


def key_changed(change: Change, *, actor: Actor = SYSTEM) -> tuple[Event, ...]:
    """Return the event of a state change; none for a scheduled time or for the change to retiring."""
    key = change.after
    if key.state is change.before.state:
        return ()
    match key.state:
        case KeyState.ACTIVE:
            return (Event(events_pb2.KeyActivated(kid=key.kid, alg=key.alg), key.kid, actor),)
        case KeyState.RETIRED:
            return (Event(events_pb2.KeyRetired(kid=key.kid, alg=key.alg), key.kid, actor),)
        case KeyState.REVOKED:
            reason = _REASONS[key.revocation_reason] if key.revocation_reason else events_pb2.REASON_UNSPECIFIED
            return (Event(events_pb2.KeyRevoked(kid=key.kid, alg=key.alg, reason=reason), key.kid, actor),)
        case _:
            return ()
