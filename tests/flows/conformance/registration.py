"""Registers the client of a module, by an operator or dynamically."""

from typing import Any

import httpx2

from latchkey.token.v1 import admin_pb2
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceStub
from tests.flows.initial_tokens import initial_token
from tests.support.stack import Stack


async def by_an_operator(system: Stack, members: dict[str, Any]) -> tuple[str, str]:
    """Id and secret of a client that is not required to use PKCE."""
    request = admin_pb2.CreateClientRequest()
    request.metadata.update({"require_pkce": False, **members})
    async with system.channel("token") as channel:
        made = await ClientAdminServiceStub(channel).CreateClient(request)
    return made.client.client_id, made.client_secret


async def by_itself(system: Stack, members: dict[str, Any]) -> tuple[str, str]:
    """The same by dynamic registration; checks that the response is complete (RFC 7591, 3.2.1; RFC 7592, 3)."""
    headers = {"Authorization": f"Bearer {await initial_token(system)}"}
    async with httpx2.AsyncClient(timeout=20) as client:
        response = await client.post(f"{system.client_edge}/register", json=members, headers=headers)
    assert (response.status_code, response.headers["content-type"].split(";")[0]) == (201, "application/json"), (
        response.text
    )
    made = response.json()
    assert {name: made.get(name) for name in members} == members
    assert made["registration_client_uri"]
    assert made["registration_access_token"]
    assert ("client_secret" in made) == ("client_secret_expires_at" in made)
    return made["client_id"], made.get("client_secret", "")
