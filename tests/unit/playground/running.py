"""The playground as it runs, beside whatever a test puts at the other end."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aiohttp import web

from deploy.playground.app import make_app
from deploy.playground.config import Application, Playground
from deploy.playground.event_feed import EventFeed

SECRET = "a-client-secret-that-is-long-enough-to-be-one"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving(app: web.Application, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


def a_playground(issuer: str, *, nats_url: str = "nats://127.0.0.1:9") -> Playground:
    address = f"http://localhost:{free_port()}"

    def application(name: str, *, secret: str = SECRET) -> Application:
        return Application(
            client_id=name, client_secret=secret, redirect_uri=f"{address}/callback/{name}", name=f"{name} app"
        )

    return Playground(
        issuer=issuer,
        address=address,
        nats_url=nats_url,
        subscriber_creds=None,
        web=application("web"),
        second=application("second"),
        machine=Application(client_id="machine", client_secret=SECRET, name="machine"),
        device=Application(client_id="device", client_secret="", name="television"),
        implicit=application("implicit", secret=""),
        form_post=application("form-post", secret=""),
        hybrid=application("hybrid"),
        password=Application(client_id="password", client_secret=SECRET, name="old app"),
        post_logout_redirect_uri=f"{address}/",
    )


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def running(playground: Playground, *, now: Callable[[], datetime] = _now) -> AsyncIterator[EventFeed]:
    feed = EventFeed(playground.nats_url, playground.subscriber_creds)
    async with serving(make_app(playground, feed, now=now), playground.port):
        yield feed
