"""Parsing that takes one spelling of everything: two readers can never see two meanings in the same bytes."""

import base64
import binascii
import json
import math
from collections.abc import Iterable
from typing import Any, NoReturn


def base64_unpadded(data: bytes) -> str:
    """Standard base64 without padding, as PHC strings have it."""
    return base64.b64encode(data).rstrip(b"=").decode("ascii")


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def base64url_decode(text: str) -> bytes:
    """Undo `base64url`. Raises ValueError for padding, foreign characters and unused bits that are not zero."""
    try:
        raw = text.encode("ascii")
        data = base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    # The decoder skips foreign characters and ignores spare bits; encoding again shows both.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != raw:
        raise ValueError("not the canonical base64url form")
    return data


def json_object(data: bytes | str) -> dict[str, Any]:
    """Parse one JSON object (RFC 8259 and I-JSON, RFC 7493).

    Raises ValueError for anything else: duplicate members, NaN, infinite numbers, lone surrogates, bytes that are not
    UTF-8, nesting without end.
    """
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    try:
        value = _decoder.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - wrong input, not a wrong call
    if "\\u" in text:
        # Only an escape can write a surrogate that has no partner; UTF-8 cannot carry it any further.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def _unique(members: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members = list(members)
    result = dict(members)
    if len(result) != len(members):
        raise ValueError("a member appears twice")
    return result


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number beyond the range of numbers")
    return number


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("not JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)
