"""Strict parsers that accept only one encoding of a value."""

import base64
import binascii
import json
from collections.abc import Iterable
from typing import Any, NoReturn


def base64url_decode(text: str) -> bytes:
    """Decode base64url without padding (RFC 7515 2).

    Raises:
        ValueError: padding, foreign characters, or unused bits that are not zero.
    """
    try:
        raw = text.encode("ascii")
        data = base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    # The decoder skips other characters and ignores unused bits; encoding again detects both.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != raw:
        raise ValueError("not the canonical base64url form")
    return data


def base64url(data: bytes) -> str:
    """Encode in base64url without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def json_object(data: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        ValueError: not a JSON object, duplicate members, NaN, or nested too deeply.
    """
    try:
        value = _decoder.decode(data.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - wrong input, not a wrong call
    return value


def _unique(members: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members = list(members)
    result = dict(members)
    if len(result) != len(members):
        raise ValueError("a member appears twice")
    return result


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("not JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
