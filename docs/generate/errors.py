"""docs/errors.md: every reason of an OAuthError, from the comments of the contract."""

from typing import Final

from docs.generate import contract
from docs.generate.markdown import code, table
from docs.generate.sources import SourceError, prose

FILE: Final = "latchkey/errors/v1/errors.proto"
_PREFIX: Final = "ERROR_REASON_"


def page() -> str:
    values = sorted(contract.load()[FILE].enum("ErrorReason"), key=lambda value: value.name)
    return prose("errors.md", reasons=table(("reason", "meaning"), map(_row, values)))


def _row(value: contract.EnumValue) -> tuple[str, str]:
    if not value.comment:
        raise SourceError(f"protos/{FILE}: {value.name} has no comment")
    return code(value.name.removeprefix(_PREFIX)), value.comment
