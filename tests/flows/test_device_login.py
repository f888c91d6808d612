"""`latchkey login --device` against a running system."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("sqlite")


class Terminal:
    """A running command."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.said = ""

    def line_with(self, word: str) -> str:
        """The next line on stderr with the word."""
        assert self._process.stderr
        for line in self._process.stderr:
            self.said += line
            if word in line:
                return line.strip()
        raise AssertionError(f"{word} never came:\n{self.said}")

    def end(self) -> tuple[int, str, str]:
        out, err = self._process.communicate(timeout=30)
        return self._process.returncode, out, err


@contextmanager
def latchkey(stack: Stack, *arguments: str) -> Iterator[Terminal]:
    command = [str(Path(sys.executable).with_name("latchkey")), *arguments]
    environment = {**os.environ, "LATCHKEY_HOME": str(stack.layout.home.root)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Terminal(process)
        finally:
            process.kill()


async def test_cli_device_login_prints_the_code_and_gets_tokens_after_approval(stack: Stack) -> None:
    with latchkey(stack, "login", "--device", "--json") as terminal:
        address = terminal.line_with("user_code=").removeprefix("or open").strip()
        async with Browser(stack.issuer) as browser:
            await browser.open(address)
            await browser.sign_in()
            page = await browser.submit("device-continue")
            assert page.name == "device-confirm"
            await browser.submit("device-allow")
        code, out, _ = terminal.end()
    assert code == 0
    token = json.loads(out)
    assert token["token_type"] == "Bearer"
    assert {"access_token", "id_token", "refresh_token"} <= token.keys()


async def test_cli_device_login_reports_access_denied(stack: Stack) -> None:
    with latchkey(stack, "login", "--device", "--json") as terminal:
        address = terminal.line_with("user_code=").removeprefix("or open").strip()
        async with Browser(stack.issuer) as browser:
            await browser.open(address)
            await browser.sign_in()
            await browser.submit("device-continue")
            await browser.submit("device-deny")
        code, out, err = terminal.end()
    assert (code, out) == (1, "")
    assert json.loads(err.splitlines()[-1])["error"] == "access_denied"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("login",), "usage"),
        (("login", "--device", "--client-id", "c_unknown"), "invalid_client"),
        (("login", "--device", "--scope", "openid admin"), "invalid_scope"),
        (("login", "--device", "--issuer", "http://id.example", "--client-id", "c"), "failed"),
        (("login", "--device", "--issuer", "http://127.0.0.1:9", "--client-id", "c"), "unreachable"),
    ],
)
def test_cli_device_login_reports_failures_in_one_line(stack: Stack, arguments: tuple[str, ...], error: str) -> None:
    with latchkey(stack, *arguments, "--json") as terminal:
        code, out, err = terminal.end()
    assert (code, out) == (2 if error == "usage" else 1, "")
    assert json.loads(err)["error"] == error
