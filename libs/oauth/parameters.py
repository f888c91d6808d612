"""Request parameters, parsed strictly and immutable (RFC 6749 3.1, 3.2)."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from urllib.parse import parse_qsl

from libs.oauth.errors import InvalidRequest, name_values
from libs.oauth.reasons import Reason

MAX_PARAMETERS = 64
MAX_NAME_LENGTH = 128
RESOURCE = "resource"
"""The only parameter that may occur more than once (RFC 8707 2)."""
Pair = tuple[str, str]


class Parameters(Mapping[str, str]):
    """Parameters by name. A parameter without a value counts as omitted; none occurs twice.

    Several values of `resource` are joined by spaces, which no URI contains.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = MappingProxyType({name: value for name, value in values.items() if value})

    @classmethod
    def once(cls, pairs: Iterable[Pair]) -> "Parameters":
        """Return the parameters of a request.

        Raises:
            InvalidRequest: a parameter other than `resource` occurs twice.
        """
        pairs = list(pairs)
        if len(dict(pairs)) < len(pairs) and (repeated := repeated_names(pairs)):
            raise repeated_parameters(repeated)
        return cls.lenient(pairs)

    @classmethod
    def lenient(cls, pairs: Iterable[Pair]) -> "Parameters":
        """Take the last value of a repeated parameter, for callers that check `repeated_names` themselves."""
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


def repeated_parameters(names: Iterable[str]) -> InvalidRequest:
    """The error that names the repeated parameters, as far as their names are safe to repeat."""
    return InvalidRequest(
        name_values("A parameter occurs more than once (RFC 6749 3.1, 3.2)", sorted(names)),
        reason=Reason.PARAMETER_REPEATED,
    )


def repeated_names(pairs: Iterable[Pair]) -> frozenset[str]:
    """Return the names that occur more than once although they must not."""
    seen: set[str] = set()
    twice = frozenset(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return twice - {RESOURCE}


def join_resources(values: Iterable[str]) -> str:
    """Join the values of `resource` by spaces. A space in a value becomes %20, so that it stays one value."""
    return " ".join(value.replace(" ", "%20") for value in values if value)


def parse_form(body: bytes) -> list[Pair]:
    """Return the pairs of an application/x-www-form-urlencoded body, in order and with duplicates.

    Empty pairs are ignored, and a name without `=` has an empty value (URL Standard 5.1).

    Raises:
        InvalidRequest: not UTF-8, not form-encoded, or more than 64 parameters.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except (UnicodeDecodeError, ValueError):
        raise InvalidRequest(
            f"The body must be form-encoded UTF-8 with at most {MAX_PARAMETERS} parameters.",
            reason=Reason.FORM_MALFORMED,
        ) from None
    if body.lstrip()[:1] in {b"{", b"["}:
        raise InvalidRequest("The body is JSON: it must be form-encoded.", reason=Reason.FORM_MALFORMED)
    if any(len(name) > MAX_NAME_LENGTH or "\0" in name or "\0" in value for name, value in pairs):
        raise InvalidRequest(
            f"A parameter contains a NUL character or has a name of more than {MAX_NAME_LENGTH} characters.",
            reason=Reason.PARAMETER_MALFORMED,
        )
    return pairs
