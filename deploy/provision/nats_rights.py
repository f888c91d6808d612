"""NATS permissions of each user: the subjects that it may publish and subscribe to.

A service publishes only the events that the contract assigns to it; readers publish none. Each user has its own inbox
prefix, so that it cannot read responses to other users.
"""

from collections.abc import Mapping, Sequence

from latchkey.events.v1 import events_pb2
from libs.servicekit.nats.accounts import Rights
from libs.servicekit.nats.bus import REDRIVEN
from libs.servicekit.nats.mirrors import MIRRORED

EVENTS = "LATCHKEY_EVENTS"
DEAD_LETTERS = "LATCHKEY_DLQ"
STREAMS = (*MIRRORED, DEAD_LETTERS)
HOOK = "latchkey.hook.token"
"""Subject of token hook requests, see services/token/adapters/token_hook.py."""
PLAIN_INBOX = "_INBOX.>"

_CONSUMED: Mapping[str, tuple[str, ...]] = {
    # Events that invalidate cached data.
    "token": ("latchkey.v1.client.>", "latchkey.v1.key.>", "latchkey.v1.session.>"),
    "authorize-frontend": ("latchkey.v1.key.>",),
    # Decisions that long polls on other replicas wait for.
    "device": ("latchkey.v1.device.>",),
}


_ASKS: Mapping[str, tuple[str, ...]] = {"token": (HOOK,)}
_CONSUMES: Mapping[str, Mapping[str, str]] = {
    # Ended sessions and accounts: their grants are revoked and clients are notified.
    "token": {
        "token-session-ended": "latchkey.v1.session.ended.*",
        "token-account-disabled": "latchkey.v1.account.disabled.*",
        "token-password-changed": "latchkey.v1.password.changed.*",
        "token-account-deleted": "latchkey.v1.account.deleted.*",
    },
}
"""Service -> its durable consumers and the events that each may read (libs/servicekit/events/consumer.py)."""
STREAM_OWNER = "key-rotation"
"""The only service that creates and changes streams. It has no public endpoint and is part of every installation."""


def inbox(user: str) -> str:
    """Inbox subject of a user, for example `_INBOX_key_rotation.>`."""
    return f"_INBOX_{user.replace('-', '_')}.>"


def of_service(name: str) -> Rights:
    """Permissions of a service: publish its events, inspect streams, read the events that invalidate its caches.

    A service without events publishes nothing, so it cannot direct JetStream responses to a subject either.
    """
    events = [f"latchkey.v1.{event}.*" for event in events_of(name)]
    verbs = ("INFO", "CREATE", "UPDATE") if name == STREAM_OWNER else ("INFO",)
    streams = [f"$JS.API.STREAM.{verb}.{stream}" for stream in STREAMS for verb in verbs]
    return Rights(
        publish=(*events, *(streams if events else ()), *_consuming(name), *_ASKS.get(name, ())),
        subscribe=(*_CONSUMED.get(name, ()), inbox(name)),
    )


def of_stream_owner(user: str) -> Rights:
    """For the service that keeps the streams, in an account that has copies of them: create and widen these."""
    verbs = ("INFO", "CREATE", "UPDATE")
    streams = [f"$JS.API.STREAM.{verb}.{stream}" for verb in verbs for stream in STREAMS]
    return Rights(publish=streams, subscribe=(inbox(user),))


def of_operator(user: str) -> Rights:
    """In the subscribers' account: read all events, manage all consumers, give one consumer an event again."""
    reader = _reading(STREAMS)
    return Rights(publish=(*reader, "$JS.ACK.>", "$JS.FC.>", f"{REDRIVEN}.*"), subscribe=("latchkey.v1.>", inbox(user)))


def of_reader(user: str, *, plain_inbox: bool = False) -> Rights:
    """In the readers' account: read all events, live or by consumers of its own; publish none.

    `plain_inbox` serves clients that do not set an inbox prefix. Several users with it could receive each other's
    responses.
    """
    return Rights(
        publish=(*_reading(MIRRORED), "$JS.ACK.>", "$JS.FC.>"),
        subscribe=("latchkey.v1.>", inbox(user), *((PLAIN_INBOX,) if plain_inbox else ())),
    )


def of_subscribing_service(service: str) -> Rights:
    """In the subscribers' account: create, read and delete one consumer that has the name of the service."""
    publish = [
        subject
        for stream in MIRRORED
        for subject in (
            f"$JS.API.STREAM.INFO.{stream}",
            f"$JS.API.CONSUMER.CREATE.{stream}.{service}.latchkey.v1.>",
            f"$JS.API.CONSUMER.INFO.{stream}.{service}",
            f"$JS.API.CONSUMER.DELETE.{stream}.{service}",
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{service}",
        )
    ]
    return Rights(publish=publish, subscribe=(inbox(service),))


def of_hook() -> Rights:
    """In the hooks' account: receive the requests of the token service and answer them."""
    return Rights(publish=(), subscribe=(HOOK, f"{HOOK} >"), responses=True)


def events_of(producer: str) -> list[str]:
    """Names of the events that a service produces, from the contract: "login.succeeded" and so on."""
    options = [
        message.GetOptions().Extensions[events_pb2.event]
        for message in events_pb2.DESCRIPTOR.message_types_by_name.values()
        if message.GetOptions().HasExtension(events_pb2.event)
    ]
    return [option.name for option in options if option.producer == producer]


def _consuming(service: str) -> list[str]:
    """The filter is part of the API subject that creates a consumer, so the server enforces it."""
    rights = []
    for consumer, events in _CONSUMES.get(service, {}).items():
        rights += [
            f"$JS.API.CONSUMER.CREATE.{EVENTS}.{consumer}.{events}",
            f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS}.{consumer}",
            f"$JS.ACK.{EVENTS}.{consumer}.>",
        ]
    return rights


def _reading(streams: Sequence[str]) -> list[str]:
    api = ["$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST"]
    for stream in streams:
        api += [f"$JS.API.STREAM.{verb}.{stream}" for verb in ("INFO", "MSG.GET")]
        api += [f"$JS.API.CONSUMER.{verb}.{stream}" for verb in ("CREATE", "NAMES", "LIST")]
        api += [
            f"$JS.API.CONSUMER.{verb}.{stream}.>" for verb in ("CREATE", "DURABLE.CREATE", "INFO", "MSG.NEXT", "DELETE")
        ]
    return api
