"""Response types and response modes (OAuth 2.0 Multiple Response Type Encoding Practices, OAuth 2.0 Form Post)."""

from enum import StrEnum

CODE = frozenset({"code"})
ID_TOKEN = frozenset({"id_token"})
TOKEN = frozenset({"token"})
SUPPORTED_RESPONSE_TYPES = (
    CODE,
    ID_TOKEN,
    TOKEN,
    ID_TOKEN | TOKEN,
    CODE | ID_TOKEN,
    CODE | TOKEN,
    CODE | ID_TOKEN | TOKEN,
)


class ResponseMode(StrEnum):
    QUERY = "query"
    FRAGMENT = "fragment"
    FORM_POST = "form_post"


def parse_response_type(text: str) -> frozenset[str]:
    """Return the set of values: their order is not significant (RFC 6749 3.1.1)."""
    return frozenset(text.split(" "))


def format_response_type(response_type: frozenset[str]) -> str:
    """Return the usual spelling: code, then id_token, then token."""
    return " ".join(sorted(response_type))


def default_mode(response_type: frozenset[str]) -> ResponseMode:
    """Return query for a code alone, fragment if the response contains a token."""
    return ResponseMode.QUERY if response_type <= CODE else ResponseMode.FRAGMENT


def mode_permitted(response_type: frozenset[str], mode: ResponseMode) -> bool:
    """Return whether the mode is permitted: no tokens in the query (Multiple Response Type Encoding Practices 3, 5)."""
    return mode is not ResponseMode.QUERY or response_type <= CODE
