"""Every command of the README works as written, in its order."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.flows.pages import Reader, block, blocks_of
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("sqlite")
BLOCKS = blocks_of("README.md")


@pytest.fixture
def reader(stack: Stack, tmp_path: Path) -> Reader:
    return Reader(stack, tmp_path)


def test_every_command_block_of_the_readme_is_tested() -> None:
    """A new block needs a test here, or a comment that says why it is not run."""
    run = ["Night job", "My first app", "curl --user", "authorization_response", "JetStream", "latchkey events tail"]
    for one in BLOCKS:
        if one.how != "no":
            assert any(text in one.code for text in [*run, "jetstream()"]), one.code


def test_readme_client_credentials_commands_get_a_token(reader: Reader) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    client_id, secret = reader.client(block(BLOCKS, "sh", "Night job").code)
    answer = reader.run(block(BLOCKS, "sh", "curl --user").code, CLIENT_ID=client_id, CLIENT_SECRET=secret)
    assert json.loads(answer)["scope"] == "orders:read"


async def test_readme_web_application_signs_a_user_in(reader: Reader) -> None:
    client_id, _ = reader.client(block(BLOCKS, "sh", "My first app").code)
    with reader.start(block(BLOCKS, "python", "authorization_response").code, CLIENT_ID=client_id) as program:
        assert program.stdout
        url = (await asyncio.to_thread(program.stdout.readline)).removeprefix("Open ").strip()
        async with Browser(reader.system.issuer) as browser, httpx2.AsyncClient() as app:
            await browser.open(url)
            page = await browser.sign_in()
            if page.name == "consent":
                page = await browser.submit("consent-allow")
            assert (await app.get(page.url)).status_code == 200
        assert await asyncio.to_thread(program.stdout.readline) == "Hello Alice Marie Liddell\n"
        assert program.wait(10) == 0


async def test_readme_subscriber_receives_the_event_of_a_sign_in(reader: Reader) -> None:
    with reader.start(block(BLOCKS, "python", "jetstream()").code) as program:
        try:
            async with Browser(reader.system.issuer) as browser:
                client_id, _ = reader.client(block(BLOCKS, "sh", "My first app").code)
                query = f"client_id={client_id}&response_type=code&scope=openid&redirect_uri=http://127.0.0.1/callback"
                challenge = f"code_challenge={'x' * 43}&code_challenge_method=S256"
                await browser.open(f"/authorize?{query}&{challenge}")
                await browser.sign_in()
            await asyncio.to_thread(_read_until, program, "latchkey.login.succeeded.v1")
        finally:
            program.terminate()
    assert "login.succeeded" in reader.run(block(BLOCKS, "sh", "latchkey events tail").code)


def _read_until(program: "subprocess.Popen[str]", word: str) -> None:
    """The subscriber reads the stream from its start, so events of other tests come first."""
    assert program.stdout
    assert any(word in line for line in program.stdout), f"{word} never came"
