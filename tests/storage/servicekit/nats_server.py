"""A real nats-server with JetStream on a free loopback port; started again, it keeps port and store."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
from nats.js.errors import NotFoundError

from deploy.provision.nats_server import find_binary
from libs.servicekit.nats.bus import STREAMS
from tests.storage.servicekit.world import until


@dataclass(frozen=True)
class Message:
    """What a stream has."""

    stream: str
    subject: str
    headers: dict[str, str]
    event: dict[str, Any]


class NatsServer:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = -1  # the server's choice
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    async def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        listen = ["-a", "127.0.0.1", "-p", str(self._port), "--ports_file_dir", str(self._folder)]
        self._process = subprocess.Popen(  # noqa: ASYNC220 - a moment
            [find_binary(), *listen, "-js", "-sd", str(self._folder / "store"), "-l", str(self._folder / "log")]
        )
        ports = self._folder / f"nats-server_{self._process.pid}.ports"
        self._port = int((await until(lambda: _ports_in(ports)))[0].rpartition(":")[2])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Stop the process without closing its connections. Returns when all of its threads have stopped."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def forget(self) -> None:
        """Loses its store, as a server with a fresh volume. Stop it before."""
        shutil.rmtree(self._folder / "store")

    async def messages(self) -> list[Message]:
        """Everything that the streams have, stream by stream in order."""
        found = []
        client = await nats.connect(self.url)
        try:
            jetstream = client.jetstream()
            for name in STREAMS:
                try:
                    state = (await jetstream.stream_info(name)).state
                except NotFoundError:
                    continue
                for sequence in range(state.first_seq, state.last_seq + 1) if state.messages else ():
                    raw = await jetstream.get_msg(name, sequence)
                    event = json.loads(raw.data or b"{}")
                    found.append(Message(name, raw.subject or "", dict(raw.headers or {}), event))
        finally:
            await client.close()
        return found


def _ports_in(file: Path) -> Sequence[str]:
    try:
        found: Sequence[str] = json.loads(file.read_text())["nats"]
    except (OSError, ValueError):
        return ()
    return found
