"""Prints libs/oauth/reasons.py, made from the enum ErrorReason. `protos/generate` calls it."""  # noqa: INP001 - a script

import re
import sys
from pathlib import Path

PROTO = Path(__file__).parent / "latchkey" / "errors" / "v1" / "errors.proto"
VALUE = re.compile(r"^  // (?P<comment>.+)\n  ERROR_REASON_(?P<name>\w+) = \d+;$", re.MULTILINE)
HEAD = '''"""Reasons of OAuth errors: the values of `ErrorReason` in protos/latchkey/errors/v1/errors.proto.

Written by `make proto`. Reasons are for logs, metrics and other services; clients see the error code and description.
"""

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Why a request was refused. The value is the name, which is sent as text between services."""

'''
TAIL = '''
    @classmethod
    def of_wire(cls, text: str) -> Self:
        """Return the reason with this name, or UNRECOGNIZED for a name that only a newer service has."""
        return cls.__members__.get(text, cls.UNRECOGNIZED)
'''


def module() -> str:
    """Return the source of libs/oauth/reasons.py.

    Raises:
        ValueError: a value of ErrorReason has no comment of one line.
    """
    source = PROTO.read_text(encoding="utf-8")
    values = [(found["name"], found["comment"]) for found in VALUE.finditer(source)]
    if len(values) != len(re.findall(r"^  ERROR_REASON_\w+ = \d+;$", source, re.MULTILINE)):
        raise ValueError(f"each value of ErrorReason needs a comment of one line: {PROTO}")
    members = [f'    {name} = "{name}"\n    """{comment}"""\n' for name, comment in values if name != "UNSPECIFIED"]
    return HEAD + "".join(members) + TAIL


if __name__ == "__main__":
    sys.stdout.write(module())
