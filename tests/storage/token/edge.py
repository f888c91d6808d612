"""The client edge as applications reach it: HTTP, on a free port of the loopback address."""

import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from typing import Any
from urllib.parse import quote_plus, urlencode

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from services.token.http.app import Endpoints, build_edge
from services.token.http.register import Registrations
from tests.storage.token.world import Registered, World

EDGE_URL = "https://token.example"
FORM = "application/x-www-form-urlencoded"
PERMITTED = frozenset(chr(code) for code in range(0x20, 0x7F)) - {'"', "\\"}
"""RFC 6749 5.2: characters of error_description."""
Edge = TestClient[Any, Any]


@asynccontextmanager
async def serving(*, secure: bool = True, **endpoints: Any) -> AsyncIterator[Edge]:
    """The edge with these endpoints; a test that names one only calls that one."""
    absent: Any = None
    missing = {each.name: absent for each in fields(Endpoints)}
    missing["registrations"] = Registrations(register=absent, read=absent, change=absent, delete=absent)
    app = build_edge(Endpoints(**{**missing, **endpoints}), edge_url=EDGE_URL if secure else "http://localhost:8081")
    async with TestClient(TestServer(app)) as edge:
        yield edge


@asynccontextmanager
async def edge_of(world: World) -> AsyncIterator[Edge]:
    async with serving(
        token=world.issue_tokens,
        userinfo=world.userinfo,
        par=world.push,
        introspect=world.introspect_token,
        revoke=world.revoke_token,
        registrations=world.registrations(),
    ) as edge:
        yield edge


def basic(client_id: str, secret: str) -> str:
    """RFC 6749 2.3.1: both form-encoded, then base64."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


async def post(
    edge: Edge,
    path: str,
    form: Sequence[tuple[str, str]] | dict[str, str] | bytes,
    *,
    client: Registered | None = None,
    headers: Sequence[tuple[str, str]] = (),
) -> ClientResponse:
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    whole = {"Content-Type": FORM}
    if client is not None:
        whole["Authorization"] = basic(client.client_id, client.secret)
    given = {name.lower() for name, _ in headers}
    kept = [(name, value) for name, value in whole.items() if name.lower() not in given]
    return await edge.post(path, data=body, headers=[*kept, *headers])


async def refusal(response: ClientResponse) -> tuple[int, str]:
    """Status and error of a refusal that keeps all the rules for refusals."""
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    body = await response.json()
    assert body.keys() == {"error", "error_description"}
    assert body["error_description"]
    assert PERMITTED.issuperset(body["error"] + body["error_description"])
    return response.status, body["error"]
