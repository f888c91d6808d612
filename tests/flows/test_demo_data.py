"""The demo users and clients of the development run, read from running services."""

from dataclasses import replace

import pytest
from google.protobuf.json_format import MessageToDict

from deploy.local.seed import seed
from deploy.provision.home import read_json
from latchkey.authentication.v1.admin_pb2 import ListUsersRequest, User
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceStub
from latchkey.token.v1.admin_pb2 import Client, ListClientsRequest
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceStub
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("sqlite")

# OpenID Connect Core, 5.1, without sub and updated_at, which the server sets.
STANDARD_CLAIMS = {
    *("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture"),
    *("website", "email", "email_verified", "gender", "birthdate", "zoneinfo", "locale", "phone_number"),
    *("phone_number_verified", "address"),
}
ADDRESS_MEMBERS = {"formatted", "street_address", "locality", "region", "postal_code", "country"}


async def users(stack: Stack) -> dict[str, User]:
    async with stack.channel("authentication") as channel:
        users = (await UserAdminServiceStub(channel).ListUsers(ListUsersRequest(page_size=500))).users
    return {user.username: user for user in users if user.username in stack.users}


async def clients(stack: Stack) -> dict[str, Client]:
    async with stack.channel("token") as channel:
        listed = (await ClientAdminServiceStub(channel).ListClients(ListClientsRequest(page_size=500))).clients
    known = {client["client_id"] for client in stack.clients.values() if isinstance(client, dict)}
    return {client.client_id: client for client in listed if client.client_id in known}


async def test_alice_has_every_standard_claim(stack):
    alice = MessageToDict((await users(stack))["alice"].claims)
    assert set(alice) - {"updated_at"} == STANDARD_CLAIMS
    assert set(alice["address"]) == ADDRESS_MEMBERS
    assert (alice["email_verified"], alice["phone_number_verified"]) == (True, True)


async def test_seeding_again_changes_nothing(stack):
    before = (await users(stack), await clients(stack), stack.layout.home.playground_file.read_text())
    await seed(stack.layout)
    assert (await users(stack), await clients(stack), stack.layout.home.playground_file.read_text()) == before


async def test_seed_updates_redirect_uris_when_the_playground_port_changed(stack):
    before = stack.clients
    ports = stack.layout.ports
    moved = replace(stack.layout, ports=replace(ports, playground=replace(ports.playground, number=9)))
    await seed(moved)
    after = read_json(moved.home.playground_file)
    assert after["web"] == {**before["web"], "redirect_uri": "http://localhost:9/callback"}
    registered = MessageToDict((await clients(stack))[after["web"]["client_id"]].metadata)
    assert registered["redirect_uris"] == ["http://localhost:9/callback"]
    await seed(stack.layout)
    assert stack.clients == before


async def test_seed_creates_a_missing_client_again(stack):
    file = stack.layout.home.playground_file
    before = file.read_text()
    file.write_text(before.replace(stack.clients["machine"]["client_id"], "c_unknown"))
    await seed(stack.layout)
    made = stack.clients["machine"]
    assert made["client_id"] in await clients(stack)
    assert made["client_id"] not in before
