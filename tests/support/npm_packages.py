"""Packages of npm that tests run as they are published: installed from the lock of `tests/flows/node`, once."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

NODE = Path(__file__).parents[1] / "flows" / "node"
_MANIFEST = ("package.json", "package-lock.json", ".npmrc")


class PackagesUnavailableError(Exception):
    """Why they cannot run on this machine."""


@cache
def installed() -> Path:
    """The folder that has `node_modules`, installed the first time and kept beside Python's own packages.

    Raises:
        CannotBeHadError: in words for who reads why tests were skipped.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise PackagesUnavailableError(
                f"there is no {program} on this machine: install Node.js 20 or newer, with npm"
            )
    contents = b"".join((NODE / name).read_bytes() for name in _MANIFEST)
    folder = Path(sys.prefix) / "npm" / hashlib.sha256(contents).hexdigest()[:16]
    if not folder.exists():
        _install(folder)
    return folder


def _install(folder: Path) -> None:
    """Complete or not at all, though several workers do it at once."""
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        fresh = Path(name) / "fresh"
        fresh.mkdir()
        for file in _MANIFEST:
            shutil.copy(NODE / file, fresh)
        try:
            subprocess.run(["npm", "ci"], cwd=fresh, capture_output=True, text=True, timeout=90, check=True)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as reason:
            said = str(getattr(reason, "stderr", None) or reason).strip()
            raise PackagesUnavailableError(f"npm cannot install packages on this machine: {said[:300]}") from reason
        try:
            fresh.rename(folder)
        except OSError:
            if not folder.exists():  # otherwise another worker was sooner
                raise
