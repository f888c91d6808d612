"""The test support can stop, pause and restart the programs of a stack."""

import asyncio
import json
import urllib.request

import pytest
from nats.aio.client import Client

from deploy.provision.topology import NATS, SERVICE_NAMES
from latchkey.token.v1.admin_pb2 import ListClientsRequest
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceStub
from libs.oauth.errors import OAuthError, TemporarilyUnavailable
from tests.support.stack import Stack, StackError

on_sqlite = pytest.mark.xdist_group("sqlite")
on_postgresql = pytest.mark.xdist_group("postgresql")


def ready(stack: Stack, service: str) -> bool:
    with urllib.request.urlopen(f"{stack.ops(service)}/readyz", timeout=5) as answer:
        return json.load(answer)["ready"] is True


@on_sqlite
@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_killed_service_becomes_ready_again_after_start(stack, service):
    before = stack.pid(service)
    stack.kill(service)
    assert stack.pid(service) is None
    stack.start(service)
    assert stack.pid(service) != before
    assert ready(stack, service)


@on_sqlite
def test_every_service_is_ready_again_after_a_nats_restart(stack):
    stack.restart(NATS)
    assert all(ready(stack, service) for service in SERVICE_NAMES)


@on_sqlite
def test_stack_error_contains_the_log_of_a_program_that_ended(stack):
    stack._children["device"]._process.terminate()
    stack._children["device"].wait(10)
    with pytest.raises(StackError, match=r"process\.stopping"):
        stack.wait_until_ready()
    stack.start("device")


@on_sqlite
async def test_client_admin_service_is_refused_for_other_identities_than_cli(stack):
    async with stack.channel("token") as channel:
        assert (await ClientAdminServiceStub(channel).ListClients(ListClientsRequest())).clients
    async with stack.channel("token", identity="device") as channel:
        with pytest.raises(OAuthError):
            await ClientAdminServiceStub(channel).ListClients(ListClientsRequest())


@on_sqlite
async def test_call_to_a_hanging_service_raises_temporarily_unavailable(stack):
    async with stack.channel("token") as channel:
        stub = ClientAdminServiceStub(channel)
        stack.pause("token")
        try:
            with pytest.raises(TemporarilyUnavailable):
                await stub.ListClients(ListClientsRequest(), timeout=0.3)
        finally:
            stack.resume("token")
        assert (await stub.ListClients(ListClientsRequest())).clients


@on_sqlite
async def test_plain_nats_client_receives_events_of_the_stack(stack):
    client = Client()
    await client.connect(stack.nats_url, user_credentials=stack.creds())
    subscription = await client.jetstream().pull_subscribe(
        "latchkey.v1.client.created.*", durable="stock", stream="LATCHKEY_EVENTS"
    )
    async with asyncio.timeout(20):
        message = (await subscription.fetch(1, timeout=15))[0]
    assert json.loads(message.data)["type"] == "latchkey.client.created.v1"
    await client.close()


@on_postgresql
def test_all_services_are_ready_on_postgresql_and_write_no_sqlite_file(postgresql_stack):
    assert all(ready(postgresql_stack, service) for service in SERVICE_NAMES)
    assert not list(postgresql_stack.layout.home.data.iterdir())
