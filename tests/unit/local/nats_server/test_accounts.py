"""Copies of the events for readers, stock clients that read them, and the keys of the accounts."""

import asyncio
from datetime import UTC, datetime

import pytest
from nats.errors import Error as NatsError
from nats.js.api import DeliverPolicy

from deploy.provision import nats_server
from deploy.provision.nats_server import Keys
from libs.servicekit.base.settings import BusSettings
from libs.servicekit.nats import accounts
from libs.servicekit.nats.accounts import Rights
from libs.servicekit.nats.bus import SHARES
from libs.servicekit.nats.mirrors import MIRRORS, READERS, SUBSCRIBERS

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("mirror", MIRRORS, ids=lambda mirror: mirror.account)
async def test_copies_have_every_event_in_order_and_a_limit(connect, streams, home, server, mirror):
    authentication = await connect("authentication")
    names = [f"{mirror.account} {number}".encode() for number in range(20)]
    for name in names:
        await authentication.jetstream.publish("latchkey.v1.login.failed.05", name)
    user = await connect("cli" if mirror is SUBSCRIBERS else "subscriber")
    pull = await user.jetstream.pull_subscribe("latchkey.v1.login.failed.*", stream="LATCHKEY_EVENTS")
    bodies: list[bytes] = []
    while names[-1] not in bodies:
        for message in await pull.fetch(100, timeout=5):
            await message.ack()
            bodies.append(message.data)
    assert [body for body in bodies if body in names] == names
    info = await user.jetstream.stream_info("LATCHKEY_EVENTS")
    assert 0 < info.config.max_bytes < 64 * 1024**2
    assert info.config.subjects == (["latchkey.redriven.*"] if mirror.redrives else None)


def test_streams_of_an_account_fit_its_storage():
    default = BusSettings.model_fields["nats_stream_bytes"].default
    assert sum(SHARES.values()) < 1
    for account, kept in {"latchkey": default, SUBSCRIBERS.account: default, READERS.account: default // 2}.items():
        assert kept <= nats_server.STORAGE_BYTES[account]


@pytest.mark.parametrize("inbox", ["_INBOX", "_INBOX_subscriber"])
async def test_a_stock_subscriber_reads_a_durable_consumer(connect, streams, inbox):
    body = inbox.encode()
    await (await connect("authentication")).jetstream.publish("latchkey.v1.login.succeeded.03", body)
    user = await connect("subscriber", inbox=inbox)
    pull = await user.jetstream.pull_subscribe("latchkey.v1.login.>", durable=f"demo{inbox}", stream="LATCHKEY_EVENTS")
    bodies = []
    while body not in bodies:
        for message in await pull.fetch(10, timeout=5):
            await message.ack_sync()
            bodies.append(message.data)
    assert user.has_no_errors


async def test_a_stock_subscriber_reads_by_push_and_live(connect, streams):
    user = await connect("subscriber", inbox="_INBOX")
    pushed = await user.jetstream.subscribe(
        "latchkey.v1.consent.>", stream="LATCHKEY_EVENTS", deliver_policy=DeliverPolicy.NEW
    )
    live = await user.client.subscribe("latchkey.v1.consent.>")
    await user.jetstream.consumer_info("LATCHKEY_EVENTS", (await pushed.consumer_info()).name)
    await (await connect("token")).jetstream.publish("latchkey.v1.consent.granted.01", b"fresh")
    assert (await live.next_msg(5)).data == b"fresh"
    assert (await pushed.next_msg(5)).data == b"fresh"
    assert user.has_no_errors


async def test_a_user_made_later_is_known_without_touching_the_server(connect, home, tmp_path):
    keys = Keys.of(home)
    seed = accounts.new_seed("user", bytes(range(32)))
    jwt = accounts.user_jwt(
        "later",
        accounts.public_key(seed),
        account=keys.services.public,
        signer=keys.services.signing,
        rights=Rights(publish=(), subscribe=("latchkey.v1.login.>",)),
        now=NOW,
    )
    (tmp_path / "later.creds").write_text(accounts.creds(jwt, seed))
    user = await connect("later", creds=tmp_path / "later.creds")
    await user.client.subscribe("latchkey.v1.login.>")
    await user.is_refused_publish("anything")


async def test_a_user_of_another_account_key_is_refused(connect, home, tmp_path):
    foreign_account, seed = (accounts.new_seed(kind, b"s" * 32) for kind in ("account", "user"))
    jwt = accounts.user_jwt(
        "foreign_account",
        accounts.public_key(seed),
        account=Keys.of(home).services.public,
        signer=foreign_account,
        rights=Rights(publish=(">",), subscribe=(">",)),
        now=NOW,
    )
    (tmp_path / "foreign.creds").write_text(accounts.creds(jwt, seed))
    with pytest.raises((NatsError, asyncio.TimeoutError)):
        await connect("foreign_account", creds=tmp_path / "foreign.creds")


async def test_connection_without_credentials_is_refused(connect, tmp_path):
    (tmp_path / "empty.creds").write_text(accounts.creds("", accounts.new_seed("user", b"n" * 32)))
    with pytest.raises((NatsError, asyncio.TimeoutError)):
        await connect("anonymous", creds=tmp_path / "empty.creds")


def test_keys_stay_from_run_to_run_and_are_private(server, home):
    before = {path.name: path.read_text() for path in home.nats.glob("*.seed")}
    nats_server.prepare(home, port=1, now=NOW)
    assert {path.name: path.read_text() for path in home.nats.glob("*.seed")} == before
    assert {path.stat().st_mode & 0o777 for path in home.nats.iterdir() if path.is_file()} == {0o600}
