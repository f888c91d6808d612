"""A nats-server with the accounts of a local run, and connections as its users."""

import asyncio
import contextlib
import socket
from datetime import UTC, datetime

import pytest
from nats.aio.client import Client

from deploy.local import readiness
from deploy.local.ports import Port
from deploy.local.supervision.process import Child, Program
from deploy.provision import nats_rights, nats_server
from deploy.provision.home import Home
from libs.servicekit.base.settings import BusSettings
from libs.servicekit.nats.bus import Bus
from libs.servicekit.nats.mirrors import MIRRORS

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    made = Home(tmp_path_factory.mktemp("home"))
    made.make_folders()
    return made


@pytest.fixture(scope="module")
def server(home):
    """A running nats-server; the address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    configuration = nats_server.prepare(home, port=port, now=NOW)
    program = Program("nats", [str(nats_server.find_binary()), "-c", str(configuration)], {}, home.log("nats"))
    child = Child(program)
    child.start()
    while not readiness.answers(Port(port, "NATS", "")):
        assert child.alive, program.log.read_text()
    yield f"nats://127.0.0.1:{port}"
    child.kill()


class User:
    """A connection, and what the server complained about it."""

    def __init__(self, client: Client, complaints: "asyncio.Queue[str]") -> None:
        self.client = client
        self.jetstream = client.jetstream()
        self._complaints = complaints

    async def is_refused_publish(self, *subjects: str) -> None:
        for subject in subjects:
            await self.client.publish(subject, b"{}")
        await self._reported("publish", subjects)

    async def is_refused_subscribe(self, *subjects: str) -> None:
        for subject in subjects:
            await self.client.subscribe(subject)
        await self._reported("subscription", subjects)

    async def _reported(self, action: str, subjects: tuple[str, ...]) -> None:
        """Exactly one complaint for each, in order."""
        async with asyncio.timeout(5):
            errors = [await self._complaints.get() for _ in subjects]
        assert errors == [f'nats: permissions violation for {action} to "{subject.lower()}"' for subject in subjects]

    @property
    def has_no_errors(self) -> bool:
        return self._complaints.empty()


@pytest.fixture
async def connect(server, home):
    """Connects as a user."""
    async with contextlib.AsyncExitStack() as stack:

        async def as_user(name, *, inbox=None, creds=None):
            complaints: asyncio.Queue[str] = asyncio.Queue()

            async def on_error(error):
                complaints.put_nowait(str(error))

            client = Client()
            stack.push_async_callback(client.close)
            await client.connect(
                server,
                user_credentials=str(creds or home.creds(name)),
                inbox_prefix=inbox or f"_INBOX_{name.replace('-', '_')}",
                error_cb=on_error,
                allow_reconnect=False,
            )
            return User(client, complaints)

        yield as_user


def stream_owner(server, home, mirror=None) -> Bus:
    """The owner of the streams in the services' account, or of an account with copies."""
    user = nats_server.stream_owner_user(mirror.account) if mirror else nats_rights.STREAM_OWNER
    creds = home.creds(user)
    settings = BusSettings(
        issuer="https://issuer.example",
        nats_url=server,
        nats_creds=creds,
        nats_stream_bytes=64 * 1024**2,
        **dict.fromkeys(("tls_ca", "tls_certificate", "tls_key"), creds),
    )
    return Bus(settings, service=nats_rights.STREAM_OWNER, keeps_streams=True, mirror=mirror)


@pytest.fixture
async def streams(server, home):
    """The streams of all accounts, made by the service that has the right."""
    stream_owners = [stream_owner(server, home, mirror) for mirror in (None, *MIRRORS)]
    running = [asyncio.create_task(each.run()) for each in stream_owners]
    for each in stream_owners:
        await each.until_ready()
    yield
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
