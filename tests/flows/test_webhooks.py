"""A webhook delivers the signed event of a sign-in to the receiver program of the README."""

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.flows.relying_party import RelyingParty
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.latchkey import latchkey
from tests.support.stack import Stack

README = Path(__file__).resolve().parents[2] / "services/event_bridge/README.md"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@asynccontextmanager
async def receiver(folder: Path, *, port: int, secret: str) -> AsyncIterator[asyncio.StreamReader]:
    """Runs the program of the README; yields its output."""
    (program,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    file = folder / "receiver.py"
    file.write_text(program, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(file),
        env={**os.environ, "PORT": str(port), "WEBHOOK_SECRET": secret},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout
        yield process.stdout
    finally:
        process.terminate()
        await process.wait()


async def next_event(lines: asyncio.StreamReader) -> tuple[str, str]:
    """Type and id of the next event."""
    async with asyncio.timeout(60):
        kind, event_id = (await lines.readline()).decode().split()
    return kind, event_id


async def test_webhook_delivers_a_signed_sign_in_event(system: Stack, browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    made = await latchkey(system, "webhook", "create", f"http://localhost:{port}/hook", "--filter", "login.succeeded")
    webhook_id = made["webhook_id"]
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made["secret"])
    username, user_id = await new_user(system)
    async with (
        await RelyingParty.registered(system) as client,
        receiver(tmp_path, port=port, secret=made["secret"]) as lines,
    ):
        assert (await latchkey(system, "webhook", "test", webhook_id))["event_id"]
        while (await next_event(lines))[0] != "latchkey.webhook.test.v1":  # sign-in of another test
            pass
        await client.sign_in(browser, username=username)
        kind, event_id = await next_event(lines)
        while (await latchkey(system, "events", "show", event_id))["subject"] != user_id:  # event of another test
            kind, event_id = await next_event(lines)
        assert kind == "latchkey.login.succeeded.v1"

        async with asyncio.timeout(20):
            while True:
                log = await latchkey(system, "webhook", "deliveries", webhook_id)
                (entry,) = [each for each in log if each["event_id"] == event_id]
                if entry["state"] == "delivered":
                    break
        assert entry["latest_attempts"][0]["status"] == 204
        assert (await latchkey(system, "webhook", "redeliver", webhook_id, "--event", event_id))["queued"] == 1
        again = await next_event(lines)
        while again[1] != event_id:
            again = await next_event(lines)

        old = made["secret"]
        new = (await latchkey(system, "webhook", "rotate-secret", webhook_id))["secret"]
        assert new != old
        await latchkey(system, "webhook", "test", webhook_id)  # the receiver still uses the old secret
        while (await next_event(lines))[0] != "latchkey.webhook.test.v1":
            pass
        shown = await latchkey(system, "webhook", "show", webhook_id)
        assert "secret" not in shown
        assert shown["previous_secret_until"]
    await latchkey(system, "webhook", "delete", webhook_id, "--yes")
    assert old not in system.log("event-bridge")
    assert new not in system.log("event-bridge")
