"""Token hook: adds claims to access tokens, or denies them. Several workers share the requests.

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
    """Raised by a hook: the token is not issued."""


@dataclass(frozen=True, kw_only=True)
class TokenQuestion:
    """An access token that is about to be issued."""

    issuer: str
    grant_type: str
    client_id: str
    audience: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    user_id: str | None = None
    """None if the client acts on its own behalf."""
    session_id: str | None = None
    acr: str | None = None
    amr: tuple[str, ...] = ()
    all: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """All members of the request, including unknown ones."""

    @classmethod
    def read(cls, body: bytes) -> Self:
        request = json.loads(body)
        return cls(
            issuer=request["issuer"],
            grant_type=request["grant_type"],
            client_id=request["client_id"],
            audience=tuple(request.get("audience", ())),
            scopes=tuple(request.get("scopes", ())),
            user_id=request.get("user_id"),
            session_id=request.get("session_id"),
            acr=request.get("acr"),
            amr=tuple(request.get("amr", ())),
            all=request,
        )


Hook = Callable[[TokenQuestion], Awaitable[Mapping[str, Any]]]


async def answer(
    hook: Hook,
    *,
    servers: str | Sequence[str] = "nats://localhost:4222",
    creds: str | Path | None = None,
    connect_timeout: float = 10.0,
) -> None:
    """Respond to requests until cancelled. If a hook raises another exception than `Deny`, no response is sent.

    Claim names must be https URIs of your own. The response must arrive within LATCHKEY_TOKEN_HOOK_MILLISECONDS of the
    server.

    Raises:
        LatchkeyError: no server responds, or it refused the credentials.
    """
    connection = Connection(servers=servers, creds=creds, inbox_prefix=None, on_reconnect=lambda: None)
    await connection.open(timeout=connect_timeout)
    try:
        running: set[asyncio.Task[None]] = set()

        async def take(message: Msg) -> None:
            task = asyncio.create_task(_answer(hook, message))
            running.add(task)
            task.add_done_callback(running.discard)

        await connection.client.subscribe(SUBJECT, queue=QUEUE, cb=take)
        raise await connection.failed
    finally:
        await connection.close()


async def _answer(hook: Hook, message: Msg) -> None:
    try:
        reply: Mapping[str, Any] = {"claims": dict(await hook(TokenQuestion.read(message.data)))}
    except Deny:
        reply = {"deny": True}
    except Exception:  # noqa: BLE001 - the server handles a missing response
        _log.exception("Token hook failed: no response is sent")
        return
    await message.respond(json.dumps(reply).encode())
