"""Secrets that are replaced while both are accepted: a file with one on each line."""

import base64
from pathlib import Path

import pytest
from pydantic import BaseModel

from libs.servicekit.base.settings import SecretKeysFile


class _Settings(BaseModel):
    keys: SecretKeysFile


def _line(byte: int) -> str:
    return base64.urlsafe_b64encode(bytes([byte]) * 32).decode().rstrip("=")


@pytest.mark.parametrize("separator", ["\n", "\r\n", " \n\n"])
def test_secret_keys_file_keeps_order_and_first_key_creates(tmp_path: Path, separator: str):
    (tmp_path / "keys").write_text(separator.join([_line(2), _line(1), ""]))
    keys = _Settings.model_validate({"keys": str(tmp_path / "keys")}).keys
    assert keys.first == b"\2" * 32
    assert keys.every == (b"\2" * 32, b"\1" * 32)
    assert _line(2)[:20] not in repr(keys)


@pytest.mark.parametrize(
    "text", ["", "\n", "AAAA", _line(1) * 2, "é", _line(1) + "\n" + _line(1), "\n".join(map(_line, range(4)))]
)
def test_secret_keys_file_is_refused_when_empty_duplicated_too_long_or_malformed(tmp_path: Path, text: str):
    (tmp_path / "keys").write_text(text)
    with pytest.raises(ValueError, match="must contain") as refusal:
        _Settings.model_validate({"keys": str(tmp_path / "keys")})
    assert _line(1)[:20] not in str(refusal.value.errors(include_input=False))  # type: ignore[attr-defined]
