"""Installs the npm packages that tests use, once, from the lock file in `tests/flows/node`."""

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
    """Node.js or the packages are not available on this machine."""


@cache
def installed() -> Path:
    """The folder with `node_modules`; the first call installs it beside the Python packages.

    Raises:
        PackagesUnavailableError: the message is the skip reason of tests.
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
    """Installs completely or not at all; several workers may call this at once."""
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
            if not folder.exists():  # otherwise another worker has installed it
                raise
