"""Every command of the README works as written, in its order."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("sqlite")
ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"(?:<!-- run: (?P<how>[^>]+) -->\n)?```(?P<language>sh|python)\n(?P<code>.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Block:
    how: str
    language: str
    code: str


BLOCKS = [
    Block((found["how"] or "").strip(), found["language"], found["code"])
    for found in _BLOCK.finditer((ROOT / "README.md").read_text(encoding="utf-8"))
]


def block(language: str, containing: str) -> Block:
    (found,) = [one for one in BLOCKS if one.language == language and containing in one.code]
    return found


@dataclass(frozen=True)
class Reader:
    """Runs blocks of the README against a system on other ports."""

    system: Stack
    folder: Path

    def adapted(self, code: str) -> str:
        ports = self.system.layout.ports
        return (
            code.replace("http://localhost:8080", self.system.issuer)
            .replace("http://localhost:8081", self.system.client_edge)
            .replace("127.0.0.1:4222", ports.nats.address)
            .replace(".latchkey/", f"{self.system.layout.home.root}/")
        )

    def environment(self, **more: str) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "LATCHKEY_HOME": str(self.system.layout.home.root), **more}

    def run(self, code: str, **variables: str) -> str:
        script = self.adapted(code).replace('export PATH="$PWD/.venv/bin:$PATH"\n', "")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def client(self, code: str) -> tuple[str, str]:
        """Runs a `latchkey client create` command; returns the client id and secret."""
        answer = json.loads(self.run(code.replace("client create", "client create --json")))
        self.run(code)  # and as written in the README
        return answer["client_id"], answer.get("client_secret", "")

    def start(self, code: str, **variables: str) -> "subprocess.Popen[str]":
        file = self.folder / "program.py"
        file.write_text(self.adapted(code), encoding="utf-8")
        return subprocess.Popen(
            [sys.executable, str(file)],
            cwd=self.folder,
            env=self.environment(**variables),
            stdout=subprocess.PIPE,
            text=True,
        )


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
    client_id, secret = reader.client(block("sh", "Night job").code)
    answer = reader.run(block("sh", "curl --user").code, CLIENT_ID=client_id, CLIENT_SECRET=secret)
    assert json.loads(answer)["scope"] == "orders:read"


async def test_readme_web_application_signs_a_user_in(reader: Reader) -> None:
    client_id, _ = reader.client(block("sh", "My first app").code)
    with reader.start(block("python", "authorization_response").code, CLIENT_ID=client_id) as program:
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
    with reader.start(block("python", "jetstream()").code) as program:
        try:
            async with Browser(reader.system.issuer) as browser:
                client_id, _ = reader.client(block("sh", "My first app").code)
                query = f"client_id={client_id}&response_type=code&scope=openid&redirect_uri=http://127.0.0.1/callback"
                challenge = f"code_challenge={'x' * 43}&code_challenge_method=S256"
                await browser.open(f"/authorize?{query}&{challenge}")
                await browser.sign_in()
            await asyncio.to_thread(_read_until, program, "latchkey.login.succeeded.v1")
        finally:
            program.terminate()
    assert "login.succeeded" in reader.run(block("sh", "latchkey events tail").code)


def _read_until(program: "subprocess.Popen[str]", word: str) -> None:
    """The subscriber reads the stream from its start, so events of other tests come first."""
    assert program.stdout
    assert any(word in line for line in program.stdout), f"{word} never came"
