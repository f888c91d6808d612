"""POST /register, and GET, PUT and DELETE of what was registered (RFC 7591 3, RFC 7592 2)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from libs.oauth.registration import CLIENTS_MEMBERS
from libs.servicekit.http.addresses import Networks, remote_address
from services.token.domain.clients.client import Client
from services.token.http.bearer import bearer_token
from services.token.http.json_body import read_json
from services.token.usecases.clients.manage_registration import ChangeRegistration, DeleteRegistration, ReadRegistration
from services.token.usecases.clients.register_client import RegisterClient

REGISTER = "/register"
REGISTRATION = "/register/{client_id:[A-Za-z0-9_-]{1,64}}"
_Handler = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True, kw_only=True)
class Registrations:
    """The use case of each method."""

    register: RegisterClient
    read: ReadRegistration
    change: ChangeRegistration
    delete: DeleteRegistration


def registration_routes(behind: Registrations, *, edge_url: str, trusted_proxies: Networks) -> list[web.RouteDef]:
    """`edge_url`: base of this edge, as clients know it."""
    return [
        web.post(REGISTER, _register(behind.register, edge_url=edge_url, trusted_proxies=trusted_proxies)),
        web.get(REGISTRATION, _read(behind.read, edge_url=edge_url), allow_head=False),
        web.put(REGISTRATION, _change(behind.change, edge_url=edge_url)),
        web.delete(REGISTRATION, _delete(behind.delete)),
    ]


def _register(register: RegisterClient, *, edge_url: str, trusted_proxies: Networks) -> _Handler:
    async def handle(request: web.Request) -> web.Response:
        initial_token = bearer_token(request)
        await register.require_permission(initial_token)
        made = await register(
            await read_json(request),
            initial_token=initial_token,
            remote_address=remote_address(request, trusted_proxies),
        )
        answer = information(made.client, token=made.token, secret=made.secret, edge_url=edge_url)
        return web.json_response(answer, status=201)

    return handle


def _read(read: ReadRegistration, *, edge_url: str) -> _Handler:
    async def handle(request: web.Request) -> web.Response:
        token = bearer_token(request)
        client = await read(request.match_info["client_id"], token)
        return web.json_response(information(client, token=token or "", edge_url=edge_url))

    return handle


def _change(change: ChangeRegistration, *, edge_url: str) -> _Handler:
    async def handle(request: web.Request) -> web.Response:
        token = bearer_token(request)
        changed = await change(request.match_info["client_id"], token, await read_json(request))
        answer = information(changed.client, token=token or "", secret=changed.secret, edge_url=edge_url)
        return web.json_response(answer)

    return handle


def _delete(delete: DeleteRegistration) -> _Handler:
    async def handle(request: web.Request) -> web.Response:
        await delete(request.match_info["client_id"], bearer_token(request))
        return web.Response(status=204)

    return handle


def information(client: Client, *, token: str, edge_url: str, secret: str = "") -> dict[str, Any]:
    """The client information response (RFC 7591 3.2.1, RFC 7592 3).

    The secret is in it on the one occasion when it is known: only a keyed hash stays. The registration access token is
    the one that the client has just shown.
    """
    metadata = client.metadata
    members = {name: value for name, value in metadata.to_json().items() if name in CLIENTS_MEMBERS}
    return {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created_at.timestamp()),
        **({"client_secret": secret, "client_secret_expires_at": 0} if secret else {}),
        "registration_access_token": token,
        "registration_client_uri": f"{edge_url.rstrip('/')}{REGISTER}/{client.client_id}",
        **members,
        "scope": " ".join(metadata.scopes),
    }
