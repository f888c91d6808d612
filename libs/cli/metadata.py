"""Client metadata and claims from files and options."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from libs.cli.errors import CliError, UsageError


def read_object(path: str, *, what: str) -> dict[str, Any]:
    """The JSON object in a file, or on stdin for "-".

    Raises:
        CliError: the file cannot be read.
        UsageError: the content is not a JSON object.
    """
    content = read_text(path, what=what)
    try:
        members = json.loads(content)
    except ValueError as error:
        raise UsageError(f"{what}: not JSON: {error}") from None
    if not isinstance(members, dict):
        raise UsageError(f"{what}: not a JSON object")
    return members


_BYTE_ORDER_MARK = "\ufeff"
"""Spreadsheets and Windows editors write it at the beginning of a file."""


def read_text(path: str, *, what: str = "FILE") -> str:
    """The content of a file, or of stdin for "-". Raises CliError when it cannot be read."""
    try:
        if path == "-":
            return sys.stdin.read().removeprefix(_BYTE_ORDER_MARK)
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - opened like sys.stdin
            return file.read().removeprefix(_BYTE_ORDER_MARK)
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{what}: {path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def client_metadata(file: str | None, flags: Mapping[str, Any]) -> dict[str, Any]:
    """The members of the file, overridden by the options that were given."""
    members = read_object(file, what="--metadata") if file else {}
    return members | {name: value for name, value in flags.items() if value is not None}


def many(values: Sequence[str] | None) -> list[str] | None:
    """The values of a repeatable option; None when it was not given. Empty values are dropped: [""] clears a member."""
    if not values:
        return None
    return [value for value in values if value]


def words(values: Sequence[str] | None) -> str | None:
    """The values of a repeatable option, joined with spaces; a value may itself have spaces (RFC 6749 section 3.3)."""
    return " ".join(" ".join(values).split()) if values else None
