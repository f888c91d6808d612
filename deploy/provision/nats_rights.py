"""Who may say and hear what on NATS.

A service publishes the events that the contract says it produces, and nothing else under `latchkey.`; whoever reads
events publishes none. A user hears answers under its own inbox prefix only, so that none reads what is another's.
"""

from collections.abc import Mapping

from latchkey.events.v1 import events_pb2
from libs.servicekit.nats.accounts import Rights
from libs.servicekit.nats.bus import REDRIVEN

EVENTS = "LATCHKEY_EVENTS"
READABLE = (EVENTS, "LATCHKEY_TOKENS")
"""What subscribers read."""
STREAMS = (*READABLE, "LATCHKEY_DLQ")
HOOK = "latchkey.hook.token"
"""What the token service asks there, see services/token/adapters/token_hook.py."""
PLAIN_INBOX = "_INBOX.>"

_HEARS: Mapping[str, tuple[str, ...]] = {
    # What makes something cached out of date.
    "token": ("latchkey.v1.client.>", "latchkey.v1.key.>", "latchkey.v1.session.>"),
    "authorize-frontend": ("latchkey.v1.key.>",),
    # What another replica has decided, and a poll here waits for.
    "device": ("latchkey.v1.device.>",),
}


_ASKS: Mapping[str, tuple[str, ...]] = {"token": (HOOK,)}
_CONSUMES: Mapping[str, Mapping[str, str]] = {
    # Sessions and accounts that end: grants end with them, and clients are told.
    "token": {
        "token-session-ended": "latchkey.v1.session.ended.*",
        "token-account-disabled": "latchkey.v1.account.disabled.*",
        "token-password-changed": "latchkey.v1.password.changed.*",
        "token-account-deleted": "latchkey.v1.account.deleted.*",
    },
}
"""Service -> its durable consumers and the events that each may read (libs/servicekit/events/consumer.py)."""
_MAKES = frozenset({"event-bridge"})
"""Services that make a consumer of their own name of all events, and read it in the account of the subscribers."""


STREAM_KEEPER = "key-rotation"
"""The one service that makes streams and changes them: strangers do not reach it, and nothing runs without it."""


def inbox(user: str) -> str:
    """Where a user hears answers, for example `_INBOX_key_rotation.>`."""
    return f"_INBOX_{user.replace('-', '_')}.>"


def of_service(name: str) -> Rights:
    """Its own events, a look at the streams, and what invalidates its caches. `name`: an identity such as "token".

    A service without events publishes nothing, and so cannot have an answer of JetStream's put anywhere either.
    """
    events = [f"latchkey.v1.{event}.*" for event in events_of(name)]
    verbs = ("INFO", "CREATE", "UPDATE") if name == STREAM_KEEPER else ("INFO",)
    streams = [f"$JS.API.STREAM.{verb}.{stream}" for stream in STREAMS for verb in verbs]
    return Rights(
        publish=(*events, *(streams if events else ()), *_consuming(name), *_making(name), *_ASKS.get(name, ())),
        subscribe=(*_HEARS.get(name, ()), inbox(name)),
    )


def of_operator(user: str) -> Rights:
    """A reader who may give one consumer an event once more."""
    reader = of_reader(user)
    return Rights(publish=(*reader.publish, f"{REDRIVEN}.*"), subscribe=reader.subscribe)


def of_reader(user: str, *, plain_inbox: bool = False) -> Rights:
    """Reading all events, live or by consumers of its own, and publishing none.

    `plain_inbox` serves clients that do not set an inbox prefix; several users with it could hear each other's answers.
    """
    return Rights(
        publish=(*_reading(), "$JS.ACK.>", "$JS.FC.>"),
        subscribe=("latchkey.>", inbox(user), *((PLAIN_INBOX,) if plain_inbox else ())),
    )


def of_hook() -> Rights:
    """The operator's program that is asked about tokens: it hears the questions and answers them."""
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
    """The filter is part of the subject that makes a consumer, and the server holds the request to it."""
    rights = []
    for consumer, events in _CONSUMES.get(service, {}).items():
        rights += [
            f"$JS.API.CONSUMER.CREATE.{EVENTS}.{consumer}.{events}",
            f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS}.{consumer}",
            f"$JS.ACK.{EVENTS}.{consumer}.>",
        ]
    return rights


def _making(service: str) -> list[str]:
    if service not in _MAKES:
        return []
    made = [f"$JS.API.CONSUMER.CREATE.{stream}.{service}.latchkey.v1.>" for stream in READABLE]
    return [*made, *(f"$JS.API.CONSUMER.DELETE.{stream}.{service}" for stream in READABLE)]


def _reading() -> list[str]:
    api = ["$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST"]
    for stream in STREAMS:
        api += [f"$JS.API.STREAM.{verb}.{stream}" for verb in ("INFO", "MSG.GET")]
        api += [f"$JS.API.CONSUMER.{verb}.{stream}" for verb in ("CREATE", "NAMES", "LIST")]
        api += [
            f"$JS.API.CONSUMER.{verb}.{stream}.>" for verb in ("CREATE", "DURABLE.CREATE", "INFO", "MSG.NEXT", "DELETE")
        ]
    return api
