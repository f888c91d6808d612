"""The file with key-encryption keys: a single key, or a version and a key on each line."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

from libs.servicekit.base.settings import KEY_BYTES, secret_text


@dataclass(frozen=True)
class KeyRing:
    keys: Mapping[int, bytes] = field(repr=False)
    """Keys by version."""

    @property
    def newest(self) -> int:
        return max(self.keys)


def _read(value: Any) -> Any:
    """Read the file. Raises ValueError without file content in the message."""
    if not isinstance(value, (str, Path)):
        return value
    lines = [line for line in secret_text(value).split() if line]
    keys: dict[int, bytes] = {}
    for line in lines:
        version, separator, text = line.rpartition(":")
        if not separator and len(lines) > 1:
            raise ValueError("must contain one key, or lines of a version, a colon and a key")
        number = _version(version) if separator else 1
        if number in keys:
            raise ValueError(f"has two keys of version {number}")
        keys[number] = _key(text)
    if not keys:
        raise ValueError(f"must hold {KEY_BYTES} random bytes as base64url text")
    return KeyRing(keys)


def _version(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**31:
        raise ValueError("must number its keys from 1")
    return int(text)


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("must contain base64url text") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"must hold {KEY_BYTES} random bytes as base64url text")
    return key


KeyRingFile = Annotated[KeyRing, NoDecode, BeforeValidator(_read)]
