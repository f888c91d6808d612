"""Settings for each wrapping, and the wrappings opened from them."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from services.key_rotation.domain.seals import Wrapping
from services.key_rotation.wrappings.opened import opened_wrappings
from services.key_rotation.wrappings.settings import WrappingSettings
from tests.storage.key_rotation.replicas import KEK, StoppedClock
from tests.storage.key_rotation.softhsm import PIN, TOKEN, SoftHsm
from tests.storage.key_rotation.transit import Vault


def of_file(folder: Path, *lines: str) -> dict[str, Any]:
    path = folder / "kek"
    path.write_text("\n".join(lines) or base64.urlsafe_b64encode(KEK).decode())
    return {"key_encryption_key_file": str(path)}


def of_vault(vault: Vault, folder: Path, token: str = "root") -> dict[str, Any]:
    path = folder / "token"
    path.write_text(token + "\n")
    return {"vault_url": vault.url, "vault_key": "latchkey", "vault_token_file": str(path)}


def of_module(hsm: SoftHsm, folder: Path) -> dict[str, Any]:
    path = folder / "pin"
    path.write_text(PIN)
    return {
        "pkcs11_module": str(hsm.module),
        "pkcs11_token": TOKEN,
        "pkcs11_key": hsm.key,
        "pkcs11_pin_file": str(path),
    }


def settings_of(folder: Path, **given: Any) -> WrappingSettings:
    """Raises ValueError for invalid settings."""
    for name in ("ca", "certificate", "key"):
        (folder / name).touch()
        given[f"tls_{name}"] = str(folder / name)
    return WrappingSettings.model_validate({"issuer": "https://id.example", **given})


@asynccontextmanager
async def open_configured(folder: Path, given: Mapping[str, Any], clock: Any = None) -> AsyncIterator[list[Wrapping]]:
    async with opened_wrappings(settings_of(folder, **given), clock=clock or StoppedClock()) as wrappings:
        yield wrappings
