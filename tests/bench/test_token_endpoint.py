"""`make bench`: /token with client credentials in one process, compared with a handler that does only the cryptography.

The test prints figures and asserts no limits, because they depend on the machine and its load.
"""

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.flows.relying_party import RelyingParty
from tests.support.stack import Stack, free_ports, running_stack

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 5
CONNECTIONS = 16
ROUNDS = 3


def _measure(host: str, port: int, request: bytes) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.load", host, str(port), str(CONNECTIONS), str(SECONDS)]
    done = subprocess.run(command, input=request, capture_output=True, check=True, cwd=ROOT, timeout=60)
    result: dict[str, float] = json.loads(done.stdout)
    assert result["failed"] == 0, result
    return result


def _request(host: str, *, user: str, password: str) -> bytes:
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    body = "grant_type=client_credentials&scope=orders%3Aread"
    return (
        f"POST /token HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {credentials}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


@contextmanager
def _bare_server() -> Iterator[int]:
    with free_ports() as ports:
        port = int(ports["LATCHKEY_BROWSER_PORT"])
        command = [sys.executable, "-m", "tests.bench.bare_server", str(port)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as server:
            assert server.stdout
            server.stdout.readline()
            try:
                yield port
            finally:
                server.terminate()


async def _machine(stack: Stack) -> tuple[str, str]:
    metadata = {"grant_types": ["client_credentials"], "redirect_uris": [], "scope": "orders:read"}
    async with await RelyingParty.registered(stack, **metadata) as machine:
        assert machine.client_secret
        return machine.client_id, machine.client_secret


@pytest.mark.timeout(300)
def test_client_credentials_rate_compared_with_a_bare_handler(stack: Stack) -> None:
    user, password = asyncio.run(_machine(stack))
    edge = urlsplit(stack.client_edge)
    assert edge.port
    request = _request(edge.netloc, user=user, password=password)
    with _bare_server() as port:
        _measure("127.0.0.1", edge.port, request)  # warm up
        for _ in range(ROUNDS):
            bare = _measure("127.0.0.1", port, request)
            ours = _measure("127.0.0.1", edge.port, request)
            print(f"\nbare     {bare}\nlatchkey {ours}\nratio    {ours['per_second'] / bare['per_second']:.2f}")


@pytest.mark.timeout(300)
def test_client_credentials_rate_with_remote_signing(stack: Stack, tmp_path: Path) -> None:
    """The rate with remote signing, which makes one call per token."""
    remote = {
        "LATCHKEY_PRIVATE_KEYS": "kept",
        "LATCHKEY_SIGNING": "remote",
        "LATCHKEY_SIGNATURES_PER_SECOND": "100000",
    }
    with running_stack(tmp_path, environment=remote, seeded=False) as other:
        for name, system in (("in memory", stack), ("by a call", other)):
            user, password = asyncio.run(_machine(system))
            edge = urlsplit(system.client_edge)
            assert edge.port
            request = _request(edge.netloc, user=user, password=password)
            _measure("127.0.0.1", edge.port, request)  # warm up
            print(f"\nsigned {name} {_measure('127.0.0.1', edge.port, request)}")
