"""Strict parsing of base64url and JSON: accepts canonical forms only, so that all parsers read the same value."""

import base64
import binascii
import json
import math
from collections.abc import Iterable
from typing import Any, NoReturn


def base64_unpadded(data: bytes) -> str:
    """Encode in standard base64 without padding, as in PHC strings."""
    return base64.b64encode(data).rstrip(b"=").decode("ascii")


def base64url(data: bytes) -> str:
    """Encode in base64url without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def base64url_decode(text: str) -> bytes:
    """Decode base64url. Raises ValueError for padding, other characters and unused bits that are not zero."""
    try:
        raw = text.encode("ascii")
        data = base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    # The decoder skips other characters and ignores unused bits, so compare with the canonical encoding.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != raw:
        raise ValueError("not the canonical base64url form")
    return data


def json_object(data: bytes | str) -> dict[str, Any]:
    """Parse one JSON object (RFC 8259 and I-JSON, RFC 7493).

    Raises ValueError for anything else: duplicate members, NaN, infinite numbers, lone surrogates, invalid UTF-8, too
    deep nesting.
    """
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    try:
        value = _decoder.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - invalid input is a ValueError
    if "\\u" in text:
        # Only an escape sequence can contain a lone surrogate, which UTF-8 cannot encode.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def _unique(members: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members = list(members)
    result = dict(members)
    if len(result) != len(members):
        raise ValueError("duplicate member")
    return result


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("number out of range")
    return number


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("not JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)
