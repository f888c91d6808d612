"""Creates demo data through the admin services. Data of an earlier run is kept."""

import asyncio
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from deploy.local import demo
from deploy.local.admin_channel import open_channel
from deploy.local.layout import Layout
from deploy.provision.home import read_json, write_json
from latchkey.authentication.v1.admin_pb2 import CreateUserRequest
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceStub
from latchkey.token.v1.admin_pb2 import Client, CreateClientRequest, GetClientRequest, UpdateClientRequest
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceStub
from libs.oauth.errors import InvalidRequest, OAuthError

if TYPE_CHECKING:  # these exist for the type checker only
    from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceAsyncStub
    from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceAsyncStub

CLIENT_UNKNOWN = "CLIENT_UNKNOWN"
USERNAME_TAKEN = "USERNAME_TAKEN"


class SeedError(Exception):
    """The demo data could not be created."""


async def seed(layout: Layout) -> None:
    """Creates the demo users and the playground's clients, and writes playground.json.

    Raises:
        SeedError: a service returned an error or cannot be reached.
    """
    async with open_channel(layout, "authentication") as authentication, open_channel(layout, "token") as token:
        users = UserAdminServiceStub(authentication)
        clients = ClientAdminServiceStub(token)
        try:
            await asyncio.gather(_seed_users(users), _Clients(layout, clients).seed())
        except OAuthError as error:
            raise SeedError(str(error)) from error


async def _seed_users(users: "UserAdminServiceAsyncStub") -> None:
    for username, (password, claims) in demo.USERS.items():
        try:
            await users.CreateUser(CreateUserRequest(username=username, password=password, claims=_struct(claims)))
        except InvalidRequest as error:
            if error.reason != USERNAME_TAKEN:
                raise


class _Clients:
    def __init__(self, layout: Layout, admin: "ClientAdminServiceAsyncStub") -> None:
        self._layout = layout
        self._admin = admin
        self._file = layout.home.playground_file
        self._known: dict[str, Any] = read_json(self._file) or {}

    async def seed(self) -> None:
        for name, metadata in demo.clients(self._layout).items():
            present = await self._find(name)
            if present is None:
                await self._create(name, metadata)
            elif not _says(present, metadata):
                # The port of the playground changed.
                await self._admin.UpdateClient(
                    UpdateClientRequest(client_id=present.client_id, metadata=_struct(metadata))
                )
            self._remember(name, redirect_uri=next(iter(metadata.get("redirect_uris", [])), ""))

    async def _find(self, name: str) -> Client | None:
        """The client of an earlier run, if the database has it."""
        client_id = self._known.get(name, {}).get("client_id")
        if client_id is None:
            return None
        try:
            return (await self._admin.GetClient(GetClientRequest(client_id=client_id))).client
        except InvalidRequest as error:
            if error.reason != CLIENT_UNKNOWN:
                raise
            return None

    async def _create(self, name: str, metadata: dict[str, Any]) -> None:
        created = await self._admin.CreateClient(CreateClientRequest(metadata=_struct(metadata)))
        self._known[name] = {"client_id": created.client.client_id, "client_secret": created.client_secret}
        self._remember(name)

    def _remember(self, name: str, **more: str) -> None:
        """Called after each client, because its secret is returned only once."""
        self._known[name].update(more)
        self._known["post_logout_redirect_uri"] = demo.post_logout_redirect_uri(self._layout)
        write_json(self._file, self._known)


def _says(client: Client, metadata: dict[str, Any]) -> bool:
    present = MessageToDict(client.metadata)
    return all(present.get(member, type(value)()) == value for member, value in metadata.items())


def _struct(value: Any) -> Struct:
    struct = Struct()
    struct.update(value)
    return struct
