"""Parsing that takes one spelling of everything: two readers can never see two meanings in the same bytes."""

import base64
import binascii
import json
from collections.abc import Iterable
from typing import Any, NoReturn


def base64url_decode(text: str) -> bytes:
    """Base64url without padding (RFC 7515 2).

    Raises:
        ValueError: padding, foreign characters, or unused bits that are not zero.
    """
    try:
        raw = text.encode("ascii")
        data = base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    # The decoder skips foreign characters and ignores spare bits; encoding again shows both.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != raw:
        raise ValueError("not the canonical base64url form")
    return data


def json_object(data: bytes) -> dict[str, Any]:
    """One JSON object.

    Raises:
        ValueError: anything else; also members that appear twice, NaN, and nesting without end.
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
