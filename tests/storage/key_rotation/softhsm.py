"""A security module in software: softhsm2, with its tokens in a folder of the tests."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType

_LIBRARIES = (Path("/usr/lib/softhsm/libsofthsm2.so"), Path("/usr/local/lib/softhsm/libsofthsm2.so"))
PIN = "1234"
TOKEN = "latchkey tests"


@dataclass
class SoftHsm:
    module: Path
    configuration: Path
    key: str = ""
    """Label of the keys of one test."""

    def make_key(self, version: int, *, extractable: bool = False) -> None:
        """Same as `pkcs11-tool --keygen --key-type AES:32 --label latchkey --id 01`."""
        template = {Attribute.EXTRACTABLE: extractable, Attribute.SENSITIVE: True}
        with self._opened() as session:
            session.generate_key(KeyType.AES, 256, label=self.key, id=bytes([version]), store=True, template=template)

    def destroy_key(self, version: int) -> None:
        with self._opened() as session:
            for key in session.get_objects({Attribute.LABEL: self.key, Attribute.ID: bytes([version])}):
                key.destroy()

    def _opened(self) -> Any:
        token = pkcs11.lib(str(self.module)).get_token(token_label=TOKEN)
        try:
            return token.open(rw=True, user_pin=PIN)
        except pkcs11.exceptions.UserAlreadyLoggedIn:  # the login is valid for the whole process
            return token.open(rw=True)


def new_module(folder: Path) -> SoftHsm:
    """Return a module with one empty token. Skips the test if softhsm2 is not installed.

    Call it once in a process, because the library reads its tokens only when it is loaded.
    """
    module = next((path for path in _LIBRARIES if path.exists()), None)
    tool = shutil.which("softhsm2-util")
    if module is None or tool is None:
        pytest.skip("softhsm2 is not installed (as root: .ci/system-packages)")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    arguments = ["--init-token", "--free", "--label", TOKEN, "--so-pin", "12345678", "--pin", PIN]
    subprocess.run([tool, *arguments], check=True, capture_output=True)
    return SoftHsm(module, configuration)
