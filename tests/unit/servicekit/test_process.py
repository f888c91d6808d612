"""The life of a process, seen from outside: signals, exit codes, and what the log says of it."""

import asyncio
import json
import os
import re
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from latchkey.keys.v1 import keys_pb2, keys_pb2_grpc
from tests.support.mutual_tls import ISSUER, called_by, make_certificates
from tests.support.stack import free_ports

ROOT = Path(__file__).resolve().parents[3]
MODULE = "tests.unit.servicekit.small_service"


@dataclass
class ProcessSettings:
    """The environment of the process."""

    http: str
    grpc: str
    ops: str
    tls: Path

    @property
    def environment(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("LATCHKEY_")}
        return plain | {
            "LATCHKEY_ISSUER": ISSUER,
            "LATCHKEY_TLS_CA": str(self.tls / "ca.pem"),
            "LATCHKEY_TLS_CERTIFICATE": str(self.tls / "token.pem"),
            "LATCHKEY_TLS_KEY": str(self.tls / "token.key"),
            "LATCHKEY_HTTP_LISTEN": self.http,
            "LATCHKEY_GRPC_LISTEN": self.grpc,
            "LATCHKEY_OPS_LISTEN": self.ops,
        }


class Running:
    """The process. Standard error is its log."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def says(self, *expected: str) -> None:
        """Waits until it has said all of it, in any order."""
        missing = set(expected)
        assert self._process.stdout
        while missing:
            line = await self._process.stdout.readline()
            assert line, f"it ended and never said {missing}: {await self.ending()}"
            missing.discard(line.decode().strip())

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ending(self) -> tuple[int, str, str]:
        """Exit code, the rest of what it said, and its log."""
        said, log = await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode, said.decode(), log.decode()


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def settings(tls: Path) -> Iterator[ProcessSettings]:
    with free_ports() as variables:
        http, grpc, ops = (variables[f"LATCHKEY_{name}_PORT"] for name in ("BROWSER", "CLIENT", "PLAYGROUND"))
        yield ProcessSettings(f"127.0.0.1:{http}", f"127.0.0.1:{grpc}", f"127.0.0.1:{ops}", tls)


@pytest.fixture
async def start(settings: ProcessSettings) -> AsyncIterator[Any]:
    started: list[asyncio.subprocess.Process] = []

    async def run(*arguments: str, behaviour: str = "", **changes: str) -> Running:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", MODULE, *arguments),
            cwd=ROOT,
            env=settings.environment | {"SMALL_SERVICE": behaviour} | changes,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(process)
        return Running(process)

    yield run
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


def records(log: str) -> list[dict[str, Any]]:
    """Our lines; gRPC's own library writes others beside them."""
    return [json.loads(line) for line in log.splitlines() if not re.match(r"[EWI]\d{4} ", line)]


async def stopping(settings: ProcessSettings) -> None:
    """Waits until the process says that it stops."""
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"http://{settings.ops}/readyz") as answer:
                if (await answer.json())["stopping"]:
                    assert answer.status == 503
                    return


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_lets_open_requests_finish_and_exits_with_0(start, settings, tls, number):
    running = await start()
    await running.says("task began")
    async with aiohttp.ClientSession() as session, called_by("cli", settings.grpc, service="token", tls=tls) as channel:
        async with session.get(f"http://{settings.ops}/readyz") as ready:
            assert ready.status == 200
        request = asyncio.create_task(session.get(f"http://{settings.http}/slow"))
        stub = keys_pb2_grpc.VerificationKeyServiceStub(channel)
        rpc = asyncio.ensure_future(stub.ListVerificationKeys(keys_pb2.ListVerificationKeysRequest()))
        await running.says("request began", "rpc began")
        running.send(number)
        await stopping(settings)
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"http://{settings.http}/slow")
        running.send(signal.SIGUSR1)
        answer = await request
        assert (answer.status, await answer.text()) == (200, "finished")
        assert await rpc == keys_pb2.ListVerificationKeysResponse()
    code, said, log = await running.ending()
    assert code == 0
    assert said.split("\n") == ["task ended", "closed", ""]
    assert [record["event"] for record in records(log)] == ["process.serving", "process.stopping"]


async def test_second_signal_ends_the_process_at_once(start, settings):
    running = await start()
    await running.says("task began")
    async with aiohttp.ClientSession() as session:
        request = asyncio.create_task(session.get(f"http://{settings.http}/slow"))
        await running.says("request began")
        running.send(signal.SIGTERM)
        await stopping(settings)
        running.send(signal.SIGTERM)
        code, said, _ = await running.ending()
        with pytest.raises(aiohttp.ClientError):
            await request
    assert code == 1
    assert "closed" not in said


async def test_open_requests_are_cancelled_after_shutdown_seconds(start, settings):
    running = await start(LATCHKEY_SHUTDOWN_SECONDS="0.1")
    await running.says("task began")
    async with aiohttp.ClientSession() as session:
        request = asyncio.create_task(session.get(f"http://{settings.http}/slow"))
        await running.says("request began")
        running.send(signal.SIGTERM)
        code, said, _ = await running.ending()
        with pytest.raises(aiohttp.ClientError):
            await request
    assert code == 0
    assert "closed" in said


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [("a task fails", "RuntimeError: the task is broken"), ("a task ends", "task ended unexpectedly: small task")],
)
async def test_process_exits_with_1_when_a_task_fails_or_ends(start, behaviour, cause):
    code, said, log = await (await start(behaviour=behaviour)).ending()
    assert code == 1
    assert "closed" in said
    (failure,) = [record for record in records(log) if record["level"] == "error"]
    assert failure["event"] == "process.task_failed"
    assert cause in failure["exception"]


@pytest.mark.parametrize("which", ["http", "grpc", "ops"])
async def test_port_in_use_is_logged_without_a_stack_trace(start, settings, which):
    host, port = getattr(settings, which).split(":")
    with socket.create_server((host, int(port))):
        code, _, log = await (await start()).ending()
    assert code == 1
    (record,) = [record for record in records(log) if record["level"] == "error"]
    assert record["event"] == "process.start_failed"
    assert f"cannot listen on {host}:{port} (LATCHKEY_{which.upper()}_LISTEN)" in record["cause"]
    assert "Traceback" not in log


async def test_failed_dependency_at_start_is_logged_in_one_line(start):
    code, _, log = await (await start(behaviour="it cannot start")).ending()
    assert code == 1
    assert [record["cause"] for record in records(log)] == ["something that it needs is missing"]


async def test_unexpected_exception_is_logged_with_its_traceback(start):
    code, _, log = await (await start(behaviour="it has a mistake")).ending()
    assert code == 1
    (record,) = records(log)
    assert "ValueError: a mistake" in record["exception"]


async def test_invalid_configuration_exits_with_2_and_lists_all_errors(start):
    running = await start(LATCHKEY_ISSUER="nonsense", LATCHKEY_HTTP_LISTEN="8080", LATCHKEY_LOG_LEVEL="hunter2")
    code, _, log = await running.ending()
    assert code == 2
    assert log.startswith("token: Invalid configuration:\n")
    for name in ("ISSUER", "HTTP_LISTEN", "LOG_LEVEL"):
        assert f"  LATCHKEY_{name}: " in log
    assert "Traceback" not in log
    assert "hunter2" not in log


@pytest.mark.parametrize("arguments", [["migrate"], ["serve"], ["migrate", "--now"]])
async def test_unknown_arguments_exit_with_2(start, arguments):
    code, _, log = await (await start(*arguments)).ending()
    assert code == 2
    assert log == f"token: unknown arguments: {' '.join(arguments)}; use `migrate`, or none to serve\n"


@pytest.mark.s(69)
async def test_edge_with_a_certificate_serves_tls_only(start, settings, tls):
    certificate, key = str(tls / "token.pem"), str(tls / "token.key")
    running = await start(LATCHKEY_HTTP_TLS_CERTIFICATE=certificate, LATCHKEY_HTTP_TLS_KEY=key)
    await running.says("task began")
    trusting = ssl.create_default_context(cafile=tls / "ca.pem")
    async with aiohttp.ClientSession() as session:
        request = asyncio.create_task(
            session.get(f"https://{settings.http}/slow", ssl=trusting, server_hostname="token.latchkey.internal")
        )
        await running.says("request began")
        running.send(signal.SIGUSR1)
        assert await (await request).text() == "finished"
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://{settings.http}/slow")
    running.send(signal.SIGTERM)
    assert (await running.ending())[0] == 0


@pytest.mark.s(69)
async def test_key_of_another_certificate_is_logged_without_a_stack_trace(start, tls):
    certificate, key = str(tls / "token.pem"), str(tls / "device.key")
    running = await start(LATCHKEY_HTTP_TLS_CERTIFICATE=certificate, LATCHKEY_HTTP_TLS_KEY=key)
    code, _, log = await running.ending()
    assert code == 1
    (record,) = [record for record in records(log) if record["level"] == "error"]
    assert record["event"] == "process.start_failed"
    assert f"{certificate} and {key} are not a certificate and its key" in record["cause"]
