"""The programs that `latchkey flow advise` prints work without changes."""

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from libs.cli.flow_advice import Advice, every_advice
from libs.cli.flow_questions import FIRST
from tests.flows.databases import on_postgresql
from tests.flows.test_flow_advice import json_of
from tests.support.browser import Browser, Page
from tests.support.stack import Stack

ADVICE = {advice.program: answers for answers, advice in every_advice(FIRST)}
IN_PAGES = {"single_page.html", "implicit.html"}
"""Tested in a browser: tests/browser/test_flow_code.py."""
Process = asyncio.subprocess.Process


async def pasted(system: Stack, program: str, *more: str) -> str:
    """The program, for a client that the suggested command has registered."""
    answers = ADVICE[program]
    options = shlex.join([word for name, answer in answers.items() for word in (f"--{name}", answer)])
    answer = await json_of(system, f"latchkey flow advise {options} {shlex.join(more)}")
    made = await json_of(system, answer["command"])
    return (
        answer["code"].replace("CLIENT_ID", made["client_id"]).replace("CLIENT_SECRET", made.get("client_secret", ""))
    )


@asynccontextmanager
async def running(code: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        env={"BROWSER": "true", "PATH": "/usr/bin:/bin"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def line_of(process: Process) -> str:
    assert process.stdout
    return (await process.stdout.readline()).decode().strip()


async def ends_with(process: Process, typed: str = "") -> str:
    """Types a line in and returns the remaining output."""
    out, error = await process.communicate(f"{typed}\n".encode() if typed else b"")
    assert process.returncode == 0, error.decode()
    return out.decode().strip()


async def allowed(browser: Browser, address: str) -> Page:
    await browser.open(address)
    page = await browser.sign_in()
    return await browser.submit("consent-allow") if page.name == "consent" else page


def test_every_flow_has_a_program_and_a_test() -> None:
    tried = {"client_credentials.py", "code.py", "native.py", "device.py", "password.py", "form_post.py", "hybrid.py"}
    assert {advice.program for _, advice in every_advice(FIRST)} == tried | IN_PAGES


@pytest.mark.parametrize("advice", [advice for _, advice in every_advice(FIRST)], ids=lambda advice: advice.program)
def test_programs_have_only_placeholders_that_the_command_prints(advice: Advice) -> None:
    code = advice.code(issuer="https://id.example", client_edge="https://token.example")
    assert "@" not in code
    assert ("CLIENT_SECRET" in code) != advice.public
    assert "CLIENT_ID" in code


@on_postgresql
async def test_program_gets_a_token(system: Stack) -> None:
    async with running(await pasted(system, "client_credentials.py")) as process:
        assert (await ends_with(process)).count(".") == 2


@on_postgresql
async def test_web_application_program_signs_a_user_in(system: Stack, browser: Browser) -> None:
    async with running(await pasted(system, "code.py")) as process:
        page = await allowed(browser, await line_of(process))
        assert await ends_with(process, page.url) == "Alice Marie Liddell"


@on_postgresql
async def test_program_refuses_a_response_with_another_state(system: Stack, browser: Browser) -> None:
    async with running(await pasted(system, "code.py")) as process:
        page = await allowed(browser, await line_of(process))
        _, error = await process.communicate(f"{page.url.replace('state=', 'state=x')}\n".encode())
    assert "state or iss does not match" in error.decode()


@on_postgresql
async def test_native_application_program_receives_the_response(system: Stack, browser: Browser) -> None:
    async with running(await pasted(system, "native.py")) as process:
        page = await allowed(browser, await line_of(process))
        async with httpx2.AsyncClient() as client:
            assert "go back" in (await client.get(page.url)).text
        assert await ends_with(process) == "Alice Marie Liddell"


@on_postgresql
async def test_device_program_gets_tokens_after_approval(system: Stack, browser: Browser) -> None:
    async with running(await pasted(system, "device.py")) as process:
        address, _, user_code = (await line_of(process)).removeprefix("Open ").partition(" and type ")
        await browser.open(f"{address}/sign-in")
        await browser.sign_in()
        await browser.submit("device-continue", user_code=user_code)
        await browser.submit("device-allow")
        assert (await ends_with(process)).count(".") == 2


@on_postgresql
async def test_password_grant_program_gets_tokens(system: Stack) -> None:
    async with running(await pasted(system, "password.py")) as process:
        assert (await ends_with(process, "alice\nalice-password")).count(".") == 2


@on_postgresql
@pytest.mark.parametrize("program", ["form_post.py", "hybrid.py"])
async def test_form_post_program_verifies_the_id_token(system: Stack, browser: Browser, program: str) -> None:
    async with running(await pasted(system, program)) as process:
        page = await allowed(browser, await line_of(process))
        fields: dict[str, Any] = page.form_with("form-post-submit").fields
        assert await ends_with(process, urlencode(fields)) == "Alice Marie Liddell"
