"""Streams of all NATS accounts of a run, as the key-rotation service creates them."""

import asyncio
from contextlib import AsyncExitStack

import nats

from deploy.provision import nats_server
from deploy.provision.home import Home
from libs.servicekit.base.settings import BusSettings
from libs.servicekit.nats.bus import Bus
from libs.servicekit.nats.mirrors import MIRRORED, MIRRORS, Mirror


async def make_streams(home: Home, url: str) -> None:
    """Creates the streams of every account."""
    await asyncio.gather(*(_keep_once(home, url, mirror) for mirror in (None, *MIRRORS)))


async def _keep_once(home: Home, url: str, mirror: Mirror | None) -> None:
    creds = home.creds(nats_server.stream_owner_user(mirror.account) if mirror else "key-rotation")
    settings = BusSettings(
        issuer="https://id.example",
        nats_url=url,
        nats_creds=creds,
        nats_stream_bytes=64 * 1024**2,
        **dict.fromkeys(("tls_ca", "tls_certificate", "tls_key"), creds),  # type: ignore[arg-type] # not used here
    )
    bus = Bus(settings, service="key-rotation", keeps_streams=True, mirror=mirror)
    running = asyncio.create_task(bus.run())
    await bus.until_ready()
    running.cancel()
    await asyncio.wait({running})


async def until_copied(home: Home, url: str, *, reader: str = "cli") -> None:
    """Returns when the account of the reader has all events of the services' account."""
    async with AsyncExitStack() as stack:
        clients = []
        for user in ("authentication", reader):
            client = await nats.connect(url, user_credentials=str(home.creds(user)), inbox_prefix=f"_INBOX_{user}")
            stack.push_async_callback(client.close)
            clients.append(client.jetstream())
        original, copy = clients
        async with asyncio.timeout(20):
            for stream in MIRRORED:
                expected = (await original.stream_info(stream)).state.last_seq
                while (await copy.stream_info(stream)).state.messages < expected:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.02)
