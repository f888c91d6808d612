"""`python -m deploy.playground` as the run starts and stops it."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import httpx2

from tests.unit.playground.running import free_port
from tests.unit.playground.test_playground_rules import CLIENTS, RUN, a_home
from tests.unit.sdk.bus import until


async def started(home: Path, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "deploy.playground",
        env={**os.environ, "LATCHKEY_HOME": str(home), **environment},
        stderr=asyncio.subprocess.PIPE,
    )


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_playground_stops_on_signal_while_a_page_is_open(tmp_path: Path) -> None:
    port = free_port()
    address = f"http://localhost:{port}"
    process = await started(a_home(tmp_path, run={**RUN, "playground": address}, clients=CLIENTS))
    await until(lambda: is_listening(port))
    async with httpx2.AsyncClient(trust_env=False) as client, client.stream("GET", f"{address}/feed") as feed:
        assert feed.status_code == 200
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(5):
            _, output = await process.communicate()
    assert process.returncode == 0
    assert b"Traceback" not in output


async def test_playground_names_missing_files_when_no_run_exists(tmp_path: Path) -> None:
    process = await started(tmp_path)
    _, output = await process.communicate()
    assert process.returncode == 1
    assert b"run.json is missing" in output
    assert b"playground.json is missing" in output
    assert b"Traceback" not in output


async def test_playground_names_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = await started(a_home(tmp_path, run=RUN, clients=CLIENTS), LATCHKEY_PLAYGROUND_PORT=str(port))
        _, output = await process.communicate()
    assert process.returncode == 1
    assert f"cannot listen on port {port}" in output.decode()
