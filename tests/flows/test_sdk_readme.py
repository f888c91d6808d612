"""The programs in the README of the SDK work as written."""

import asyncio
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import nats
import pytest
from nats.errors import Error as NatsError

from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("sqlite")
README = Path(__file__).resolve().parents[2] / "libs" / "sdk" / "README.md"
PROGRAMS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@contextmanager
def running(
    stack: Stack, folder: Path, *, containing: str, port: int = 0, creds: str = "subscriber"
) -> Iterator["subprocess.Popen[str]"]:
    """Runs the program of the README that contains a text, against a system on other ports."""
    (code,) = (program for program in PROGRAMS if containing in program)
    code = code.replace("http://localhost:8080", stack.issuer).replace("nats://localhost:4222", stack.nats_url)
    code = re.sub(r'creds="\w+\.creds"', f'creds="{stack.creds(creds)}"', code).replace("port=8000", f"port={port}")
    file = folder / "program.py"
    file.write_text(code, encoding="utf-8")
    with subprocess.Popen([sys.executable, "-u", str(file)], stdout=subprocess.PIPE, text=True) as program:
        try:
            yield program
        finally:
            program.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_every_program_of_the_sdk_readme_is_tested() -> None:
    assert len(PROGRAMS) == 3


async def test_sdk_readme_token_hook_responds(stack: Stack, tmp_path: Path) -> None:
    """This stack has no token hook configured, so the test sends the request of the token service."""
    question = {"issuer": stack.issuer, "grant_type": "client_credentials", "client_id": "c_web"}
    client = await nats.connect(stack.nats_url, user_credentials=stack.creds("token"), inbox_prefix="_INBOX_token")
    with running(stack, tmp_path, containing="TokenQuestion", creds="hooks"):
        async with asyncio.timeout(30):
            while True:
                with suppress(NatsError):
                    answer = await client.request("latchkey.hook.token", json.dumps(question).encode(), timeout=1)
                    break
                await asyncio.sleep(0.05)
    await client.close()
    assert json.loads(answer.data) == {"claims": {"https://example.com/tier": "machine"}}


async def test_sdk_readme_subscriber_receives_a_sign_in(stack: Stack, tmp_path: Path) -> None:
    with running(stack, tmp_path, containing="subscribe(") as program:
        line = asyncio.create_task(asyncio.to_thread(program.stdout.readline if program.stdout else str))
        async with asyncio.timeout(30):
            while not line.done():
                async with Browser(stack.issuer) as browser, RelyingParty.of(stack, "web") as web:
                    await web.sign_in(browser)
        assert line.result().startswith("login.succeeded ")


async def test_sdk_readme_api_accepts_a_token_and_refuses_it_after_revocation(stack: Stack, tmp_path: Path) -> None:
    port = free_port()
    with running(stack, tmp_path, containing="TokenVerifier", port=port) as program:
        assert program.stdout
        assert "Running on" in await asyncio.to_thread(program.stdout.readline)
        async with Browser(stack.issuer) as browser, RelyingParty.of(stack, "web") as web, httpx2.AsyncClient() as api:

            async def ask(token: str) -> httpx2.Response:
                return await api.get(f"http://127.0.0.1:{port}/whoami", headers={"Authorization": f"Bearer {token}"})

            token = (await web.sign_in(browser))["access_token"]
            answer = await ask(token)
            assert answer.json()["application"] == web.client_id, answer.text
            await web.oauth.revoke_token(f"{stack.client_edge}/revoke", token=token)
            async with asyncio.timeout(1):
                while (answer := await ask(token)).status_code == 200:
                    pass
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
