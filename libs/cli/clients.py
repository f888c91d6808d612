"""The client administration of the token service (protos/latchkey/token/v1/admin.proto)."""

import re
from dataclasses import dataclass, field
from typing import Any

from latchkey.token.v1 import admin_pb2
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceStub
from libs.cli.admin import PAGE_SIZE, all_pages, from_struct, service, to_struct, when
from libs.cli.connection import Connection
from libs.cli.output import moment

_SERVICE = "token"
_FIRST = ("client_name", "redirect_uris", "grant_types", "response_types", "token_endpoint_auth_method", "scope")


@dataclass(frozen=True)
class ClientRecord:
    """A client as the token service returned it. `secret` is set only when the service has just created one."""

    client: admin_pb2.Client
    secret: str = field(default="", repr=False)

    @property
    def client_id(self) -> str:
        return self.client.client_id

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata in a fixed order, the most used members first: a Struct has no order."""
        members = from_struct(self.client.metadata)
        names = dict.fromkeys([*_FIRST, *sorted(members)])
        return {name: members[name] for name in names if name in members}

    @property
    def created(self) -> str:
        return moment(when(self.client.created_at))

    @property
    def registration_expires(self) -> str:
        """When an unused dynamically registered client is deleted; empty for clients that operators registered."""
        return moment(when(self.client.registration_expires_at)) if self._dynamically_registered else ""

    def matches(self, query: str) -> bool:
        """Whether each word of the query is the beginning of a word in the client_id or the name, in any case."""
        text = f"{self.client_id} {self.metadata.get('client_name', '')}".casefold()
        words = {*text.split(), *re.findall(r"[^\W_]+", text)}
        return all(any(word.startswith(each) for word in words) for each in query.casefold().split())

    def as_json(self) -> dict[str, Any]:
        """The client information response of RFC 7591 3.2.1."""
        secret = {"client_secret": self.secret, "client_secret_expires_at": 0} if self.secret else {}
        return {
            "client_id": self.client_id,
            **secret,
            "client_id_issued_at": self.client.created_at.seconds,
            **(
                {"registration_expires_at": self.client.registration_expires_at.seconds}
                if self._dynamically_registered
                else {}
            ),
            **self.metadata,
        }

    @property
    def _dynamically_registered(self) -> bool:
        return self.client.HasField("registration_expires_at")


async def create(found: Connection, metadata: dict[str, Any]) -> ClientRecord:
    async with service(_SERVICE, found) as channel:
        request = admin_pb2.CreateClientRequest(metadata=to_struct(metadata))
        answer = await ClientAdminServiceStub(channel).CreateClient(request)
        return ClientRecord(answer.client, answer.client_secret)


async def update(found: Connection, client_id: str, metadata: dict[str, Any]) -> ClientRecord:
    async with service(_SERVICE, found) as channel:
        request = admin_pb2.UpdateClientRequest(client_id=client_id, metadata=to_struct(metadata))
        answer = await ClientAdminServiceStub(channel).UpdateClient(request)
        return ClientRecord(answer.client, answer.client_secret)


async def every(found: Connection) -> list[ClientRecord]:
    """All clients, oldest first."""
    async with service(_SERVICE, found) as channel:
        stub = ClientAdminServiceStub(channel)

        async def page(token: str) -> tuple[list[admin_pb2.Client], str]:
            answer = await stub.ListClients(admin_pb2.ListClientsRequest(page_size=PAGE_SIZE, page_token=token))
            return list(answer.clients), answer.next_page_token

        return [ClientRecord(client) for client in await all_pages(page)]


async def get(found: Connection, client_id: str) -> ClientRecord:
    async with service(_SERVICE, found) as channel:
        answer = await ClientAdminServiceStub(channel).GetClient(admin_pb2.GetClientRequest(client_id=client_id))
        return ClientRecord(answer.client)


async def delete(found: Connection, client_id: str) -> None:
    async with service(_SERVICE, found) as channel:
        await ClientAdminServiceStub(channel).DeleteClient(admin_pb2.DeleteClientRequest(client_id=client_id))


async def rotate_secret(found: Connection, client_id: str, overlap_seconds: int) -> str:
    """The new secret."""
    async with service(_SERVICE, found) as channel:
        request = admin_pb2.RotateClientSecretRequest(client_id=client_id, overlap_seconds=overlap_seconds)
        answer = await ClientAdminServiceStub(channel).RotateClientSecret(request)
        return answer.client_secret
