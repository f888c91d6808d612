"""Being asked about every access token: add claims to it, or deny it. Run as many workers as it takes.

async def hook(question: TokenQuestion) -> dict[str, object]:
if question.user_id in blocked:
raise Deny
return {"https://example.com/tier": await tier_of(question.user_id)}

asyncio.run(answer(hook, servers="nats://localhost:4222", creds="hooks.creds"))
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from nats.aio.msg import Msg

from latchkey_sdk.connection import Connection

SUBJECT = "latchkey.hook.token"
QUEUE = "latchkey-hook"
_log = logging.getLogger("latchkey_sdk")


class Deny(Exception):
    """Raised by a hook: this token is not given out."""


@dataclass(frozen=True, kw_only=True)
class TokenQuestion:
    """An access token that is about to be given out."""

    issuer: str
    grant_type: str
    client_id: str
    audience: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    user_id: str | None = None
    """None when the client acts for itself."""
    session_id: str | None = None
    acr: str | None = None
    amr: tuple[str, ...] = ()
    all: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Everything that was told, also what this version does not know."""

    @classmethod
    def read(cls, body: bytes) -> Self:
        told = json.loads(body)
        return cls(
            issuer=told["issuer"],
            grant_type=told["grant_type"],
            client_id=told["client_id"],
            audience=tuple(told.get("audience", ())),
            scopes=tuple(told.get("scopes", ())),
            user_id=told.get("user_id"),
            session_id=told.get("session_id"),
            acr=told.get("acr"),
            amr=tuple(told.get("amr", ())),
            all=told,
        )


Hook = Callable[[TokenQuestion], Awaitable[Mapping[str, Any]]]


async def answer(
    hook: Hook,
    *,
    servers: str | Sequence[str] = "nats://localhost:4222",
    creds: str | Path | None = None,
    connect_timeout: float = 10.0,
) -> None:
    """Answers until it is cancelled. A hook that raises anything but `Deny` leaves the question unanswered.

    The names of the claims have to be https URIs of your own. Answer within the time that the server is configured for
    (LATCHKEY_TOKEN_HOOK_MILLISECONDS).

    Raises:
        LatchkeyError: no server answers, or it does not accept the credentials.
    """
    connection = Connection(servers=servers, creds=creds, inbox_prefix=None, on_reconnect=lambda: None)
    await connection.open(timeout=connect_timeout)
    try:
        at_work: set[asyncio.Task[None]] = set()

        async def take(message: Msg) -> None:
            task = asyncio.create_task(_answer(hook, message))
            at_work.add(task)
            task.add_done_callback(at_work.discard)

        await connection.client.subscribe(SUBJECT, queue=QUEUE, cb=take)
        raise await connection.failed
    finally:
        await connection.close()


async def _answer(hook: Hook, message: Msg) -> None:
    try:
        reply: Mapping[str, Any] = {"claims": dict(await hook(TokenQuestion.read(message.data)))}
    except Deny:
        reply = {"deny": True}
    except Exception:  # noqa: BLE001 - the server knows what a missing answer means
        _log.exception("A question about a token stays unanswered")
        return
    await message.respond(json.dumps(reply).encode())
