"""Validation of the settings of the key-encryption key."""

from pathlib import Path
from typing import Any

import pytest

from services.key_rotation.wrappings.settings import WrappingSettings

FILE = {"key_encryption_key_file": "kek"}
VAULT = {"vault_url": "https://vault.example:8200", "vault_key": "latchkey", "vault_role": "latchkey"}
MODULE = {"pkcs11_module": "module.so", "pkcs11_token": "t", "pkcs11_key": "k", "pkcs11_pin_file": "pin"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("ca", "module.so", "pin", "token"):
        (tmp_path / name).touch()
    (tmp_path / "kek").write_text("A" * 43)
    return tmp_path


def _settings(**given: Any) -> WrappingSettings:
    tls = dict.fromkeys(("tls_ca", "tls_certificate", "tls_key"), "ca")
    return WrappingSettings.model_validate({"issuer": "https://id.example", **tls, **given})


@pytest.mark.parametrize(
    ("given", "wrappings"),
    [
        (FILE, ("file",)),
        ({"key_wrapping": "file", **FILE}, ("file",)),
        ({"key_wrapping": "vault", **VAULT}, ("vault",)),
        ({"key_wrapping": "pkcs11", **MODULE}, ("pkcs11",)),
        ({"key_wrapping": "vault", "key_wrapping_formerly": "file", **VAULT, **FILE}, ("vault", "file")),
        ({"key_wrapping": "file", "key_wrapping_formerly": "pkcs11", **MODULE, **FILE}, ("file", "pkcs11")),
    ],
)
def test_wrappings_of_valid_settings(given: dict[str, Any], wrappings: tuple[str, ...]):
    assert _settings(**given).wrappings == wrappings


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, "LATCHKEY_KEY_ENCRYPTION_KEY_FILE: missing"),
        ({"key_wrapping": "vault"}, "LATCHKEY_VAULT_URL, LATCHKEY_VAULT_KEY: missing"),
        ({"key_wrapping": "vault", **VAULT, **FILE}, "LATCHKEY_KEY_ENCRYPTION_KEY_FILE: for file"),
        ({**FILE, **VAULT}, "LATCHKEY_VAULT_URL, LATCHKEY_VAULT_KEY, LATCHKEY_VAULT_ROLE: for vault"),
        ({**FILE, "vault_mount": "transit"}, "LATCHKEY_VAULT_MOUNT: for vault"),
        ({"key_wrapping": "pkcs11", **MODULE, "pkcs11_token": ""}, "LATCHKEY_PKCS11_TOKEN: missing"),
        ({**FILE, "key_wrapping_formerly": "file"}, "LATCHKEY_KEY_WRAPPING_FORMERLY"),
        ({**FILE, "key_wrapping_formerly": "vault"}, "LATCHKEY_VAULT_URL, LATCHKEY_VAULT_KEY: missing"),
        ({"key_wrapping": "vault", **VAULT, "vault_token_file": "token"}, "and not both"),
        ({"key_wrapping": "vault", **VAULT, "vault_role": ""}, "LATCHKEY_VAULT_TOKEN_FILE or"),
        ({"key_wrapping": "kms"}, "key_wrapping"),
        ({"key_wrapping": "vault", **VAULT, "vault_url": "http://vault.example"}, "must be https"),
        ({"key_wrapping": "vault", **VAULT, "vault_key": "../sys/seal"}, "vault_key"),
        ({"key_wrapping": "vault", **VAULT, "vault_mount": "a//b"}, "vault_mount"),
        ({**FILE, "key_encryption_key_version": 2}, "is not in LATCHKEY_KEY_ENCRYPTION_KEY_FILE"),
    ],
)
def test_contradictory_or_incomplete_settings_are_refused(given: dict[str, Any], fault: str):
    with pytest.raises(ValueError, match=fault):
        _settings(**given)


def test_version_applies_to_the_encrypting_wrapping_only():
    settings = _settings(
        key_wrapping="vault", key_wrapping_formerly="file", key_encryption_key_version=7, **VAULT, **FILE
    )
    assert settings.version_that_seals("vault") == 7
    assert settings.version_that_seals("file") == 0
