"""Request parameters: read once, strictly, and never changed afterwards (RFC 6749 3.1, 3.2)."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from urllib.parse import parse_qsl

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason

MAX_PARAMETERS = 64
MAX_NAME_LENGTH = 128
RESOURCE = "resource"
"""The one parameter that may occur more than once (RFC 8707 2)."""
Pair = tuple[str, str]


class Parameters(Mapping[str, str]):
    """Parameters by name. Those without a value count as omitted; none occurs twice.

    Several values of `resource` are one, with spaces between: no URI holds any.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = MappingProxyType({name: value for name, value in values.items() if value})

    @classmethod
    def once(cls, pairs: Iterable[Pair]) -> "Parameters":
        """Parameters as they arrived.

        Raises:
            InvalidRequest: one is there twice.
        """
        pairs = list(pairs)
        if len(dict(pairs)) < len(pairs) and repeated_names(pairs):
            raise InvalidRequest("A parameter is included more than once.", reason=Reason.PARAMETER_REPEATED)
        return cls.lenient(pairs)

    @classmethod
    def lenient(cls, pairs: Iterable[Pair]) -> "Parameters":
        """Of one that is there twice, the last: for who tells `repeated_names` apart."""
        values = dict(pairs := list(pairs))
        if RESOURCE in values:
            values[RESOURCE] = join_resources(value for name, value in pairs if name == RESOURCE)
        return cls(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def repeated_names(pairs: Iterable[Pair]) -> frozenset[str]:
    """Names that occur more than once, and may not."""
    seen: set[str] = set()
    twice = frozenset(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return twice - {RESOURCE}


def join_resources(values: Iterable[str]) -> str:
    """Values of `resource` as one. A space in a value is written as URIs write it, so that it stays one value."""
    return " ".join(value.replace(" ", "%20") for value in values if value)


def parse_form(body: bytes) -> list[Pair]:
    """The pairs of an application/x-www-form-urlencoded body, in order and with duplicates.

    Raises:
        InvalidRequest: not UTF-8, not that format, or more than 64 parameters.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except (UnicodeDecodeError, ValueError):
        raise InvalidRequest(
            f"The body must be form-encoded UTF-8 with at most {MAX_PARAMETERS} parameters.",
            reason=Reason.FORM_MALFORMED,
        ) from None
    if any(len(name) > MAX_NAME_LENGTH or "\0" in name or "\0" in value for name, value in pairs):
        raise InvalidRequest("A parameter is malformed.", reason=Reason.PARAMETER_MALFORMED)
    return pairs
