"""Runs the command blocks and programs of a Markdown page."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"(?:<!-- run: (?P<how>[^>]+) -->\n)?```(?P<language>sh|python)\n(?P<code>.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Block:
    how: str
    language: str
    code: str


def blocks_of(page: str) -> list[Block]:
    return [
        Block((found["how"] or "").strip(), found["language"], found["code"])
        for found in _BLOCK.finditer((ROOT / page).read_text(encoding="utf-8"))
    ]


def block(blocks: Sequence[Block], language: str, containing: str) -> Block:
    (found,) = [one for one in blocks if one.language == language and containing in one.code]
    return found


@dataclass(frozen=True)
class Reader:
    """Runs blocks of a page against a system on other ports."""

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
