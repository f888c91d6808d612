"""The command `latchkey` for tests: called in this process, because starting a Python process takes one to two seconds."""

import asyncio
import io
import json
import os
import shlex
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from libs.cli import main
from tests.support.stack import Stack


@dataclass(frozen=True)
class Result:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


async def run(system: Stack, *arguments: str) -> Result:
    """Runs `latchkey` with these arguments against a stack, in a thread: the command has an event loop of its own."""
    return await asyncio.to_thread(_run, system, arguments)


async def latchkey(system: Stack, *arguments: str) -> Any:
    """The JSON output of a command that has to succeed."""
    result = await run(system, *arguments, "--json")
    assert result.code == 0, (arguments, result.err)
    return json.loads(result.out)


async def type_in(system: Stack, line: str) -> str:
    """The output of a command line that starts with `latchkey` and has to succeed."""
    program, *arguments = shlex.split(line)
    assert program == "latchkey"
    result = await run(system, *arguments)
    assert result.code == 0, (line, result.err)
    return result.out


def _run(system: Stack, arguments: tuple[str, ...]) -> Result:
    out, err = io.StringIO(), io.StringIO()
    environment = {"LATCHKEY_HOME": str(system.layout.home.root)}
    with patch.dict(os.environ, environment), redirect_stdout(out), redirect_stderr(err):
        code = main.run(arguments)
    return Result(code, out.getvalue(), err.getvalue())
