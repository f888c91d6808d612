"""Client metadata: RFC 7591 2, OpenID Connect Dynamic Registration 1.0 2, RP-Initiated Logout 1.0 3.1, and our own.

Ours: `require_pkce` (bool; public clients always) and `consent` ("required", or "skip" for the operator's own
applications).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from libs.oauth import client_authentication
from libs.oauth.errors import InvalidClientMetadata, InvalidRedirectUri, InvalidScope
from libs.oauth.redirect_uris import check_redirect_uri
from libs.oauth.response_types import CODE, SUPPORTED_RESPONSE_TYPES, format_response_type, parse_response_type
from libs.oauth.scopes import OPENID, STANDARD_SCOPES, parse_scope

AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"
CLIENT_CREDENTIALS = "client_credentials"
SUPPORTED_GRANT_TYPES = (AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS)
SIGNING_ALGORITHMS = ("RS256", "ES256")
CONSENT_REQUIRED = "required"
CONSENT_SKIP = "skip"
_MAX_ITEMS = 50
_MAX_TEXT = 500
_MAX_SECONDS = 0x7FFF_FFFF


@dataclass(frozen=True, kw_only=True)
class ClientMetadata:
    """Metadata that hold together; made by `parse_metadata` only."""

    client_name: str = ""
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = (AUTHORIZATION_CODE,)
    response_types: tuple[str, ...] = ("code",)
    token_endpoint_auth_method: str = client_authentication.BASIC
    scope: str = ""
    client_uri: str = ""
    logo_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""
    contacts: tuple[str, ...] = ()
    application_type: str = "web"
    default_max_age: int | None = None
    id_token_signed_response_alg: str = "RS256"
    require_pkce: bool = True
    consent: str = CONSENT_REQUIRED

    @property
    def is_public(self) -> bool:
        """It cannot keep a secret (RFC 6749 2.1)."""
        return self.token_endpoint_auth_method == client_authentication.NONE

    @property
    def scopes(self) -> tuple[str, ...]:
        """Scope values that it may ask for: what it registered, otherwise the standard ones."""
        return parse_scope(self.scope) or STANDARD_SCOPES

    def to_json(self) -> dict[str, Any]:
        """The members that have a value, as RFC 7591 writes them."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value is not None and value not in ("", ())
        }


def parse_metadata(members: Mapping[str, Any]) -> ClientMetadata:
    """Metadata as a client or an operator sent them. A member that is null or absent takes its default.

    Raises:
        InvalidClientMetadata: naming the member; one that is not known is refused as well: it may be a typing error.
        InvalidRedirectUri: saying which rule a redirect URI breaks.
    """
    values: dict[str, Any] = {}
    for name, value in members.items():
        if name not in _READERS:
            raise InvalidClientMetadata(f"{name[:80]} is not a known member.", reason="METADATA_UNKNOWN")
        if value is not None:
            values[name] = _READERS[name](name, value)
    if "response_types" not in values and AUTHORIZATION_CODE not in values.get("grant_types", (AUTHORIZATION_CODE,)):
        values["response_types"] = ()
    if values.get("token_endpoint_auth_method") == client_authentication.NONE:
        values["require_pkce"] = True
    metadata = ClientMetadata(**values)
    for rule in _RULES:
        rule(metadata)
    return metadata


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT or not value.isprintable():
        raise InvalidClientMetadata(f"{name} must be text of at most {_MAX_TEXT} characters.", reason="METADATA_TYPE")
    return value.strip()


def _items(name: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)) or len(value) > _MAX_ITEMS:
        raise InvalidClientMetadata(f"{name} must be a list of at most {_MAX_ITEMS} texts.", reason="METADATA_TYPE")
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_text(name, item) for item in _items(name, value)))


def _redirect_uris(name: str, value: Any) -> tuple[str, ...]:
    """Character for character: nothing is trimmed."""
    return tuple(dict.fromkeys(_redirect_uri(item) for item in _items(name, value)))


def _redirect_uri(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidRedirectUri("A redirect URI must be text.", reason="REDIRECT_URI_TYPE")
    return check_redirect_uri(value)


def _one_of(*allowed: str) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        if value not in allowed:
            raise InvalidClientMetadata(f"{name} must be one of: {', '.join(allowed)}.", reason="METADATA_VALUE")
        return str(value)

    return read


def _some_of(*allowed: str) -> Callable[[str, Any], tuple[str, ...]]:
    def read(name: str, value: Any) -> tuple[str, ...]:
        values = _texts(name, value)
        if not set(values) <= set(allowed):
            raise InvalidClientMetadata(f"{name} may hold: {', '.join(allowed)}.", reason="METADATA_VALUE")
        return values

    return read


def _response_types(name: str, value: Any) -> tuple[str, ...]:
    types = [parse_response_type(text) for text in _texts(name, value)]
    if not set(types) <= set(SUPPORTED_RESPONSE_TYPES):
        supported = ", ".join(format_response_type(kind) for kind in SUPPORTED_RESPONSE_TYPES)
        raise InvalidClientMetadata(f"{name} may hold: {supported}.", reason="METADATA_VALUE")
    return tuple(dict.fromkeys(format_response_type(kind) for kind in types))


def _web_page(name: str, value: Any) -> str:
    text = _text(name, value)
    try:
        parts = urlsplit(text)
        plain = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc
    except ValueError:
        plain = False
    if not plain or any(c in text for c in " \"'<>\\"):
        raise InvalidClientMetadata(f"{name} must be an https URL.", reason="METADATA_URL")
    return text


def _scope(name: str, value: Any) -> str:
    try:
        return " ".join(parse_scope(_text(name, value)))
    except InvalidScope:
        raise InvalidClientMetadata(f"{name} is malformed.", reason="METADATA_SCOPE") from None


def _seconds(name: str, value: Any) -> int:
    """JSON knows one kind of number: 600 may well arrive as 600.0."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value <= _MAX_SECONDS or value != int(value):
        raise InvalidClientMetadata(f"{name} must be a whole number of seconds.", reason="METADATA_TYPE")
    return int(value)


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidClientMetadata(f"{name} must be true or false.", reason="METADATA_TYPE")
    return value


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "client_name": _text,
    "redirect_uris": _redirect_uris,
    "post_logout_redirect_uris": _redirect_uris,
    "grant_types": _some_of(*SUPPORTED_GRANT_TYPES),
    "response_types": _response_types,
    "token_endpoint_auth_method": _one_of(*client_authentication.SUPPORTED_METHODS),
    "scope": _scope,
    "client_uri": _web_page,
    "logo_uri": _web_page,
    "policy_uri": _web_page,
    "tos_uri": _web_page,
    "contacts": _texts,
    "application_type": _one_of("web", "native"),
    "default_max_age": _seconds,
    "id_token_signed_response_alg": _one_of(*SIGNING_ALGORITHMS),
    "require_pkce": _truth,
    "consent": _one_of(CONSENT_REQUIRED, CONSENT_SKIP),
}
assert _READERS.keys() == {field.name for field in fields(ClientMetadata)}  # noqa: S101 - said at import, for developers


def _code_needs_its_grant(metadata: ClientMetadata) -> None:
    """RFC 7591 2.1."""
    if (format_response_type(CODE) in metadata.response_types) != (AUTHORIZATION_CODE in metadata.grant_types):
        raise InvalidClientMetadata(
            "The response type code and the grant type authorization_code go together.",
            reason="METADATA_GRANT_RESPONSE",
        )


def _redirects_need_a_uri(metadata: ClientMetadata) -> None:
    if metadata.response_types and not metadata.redirect_uris:
        raise InvalidClientMetadata("redirect_uris must hold at least one URI.", reason="METADATA_REDIRECT_URIS")


def _public_clients_have_no_own_rights(metadata: ClientMetadata) -> None:
    """RFC 6749 4.4: a client that cannot prove who it is cannot act for itself."""
    if metadata.is_public and CLIENT_CREDENTIALS in metadata.grant_types:
        raise InvalidClientMetadata(
            "client_credentials needs a client with a secret: token_endpoint_auth_method must not be none.",
            reason="METADATA_PUBLIC_CREDENTIALS",
        )


def _refresh_needs_something_to_refresh(metadata: ClientMetadata) -> None:
    if set(metadata.grant_types) == {REFRESH_TOKEN}:
        raise InvalidClientMetadata(
            "refresh_token alone does nothing: add authorization_code.", reason="METADATA_REFRESH_ALONE"
        )


def _some_grant(metadata: ClientMetadata) -> None:
    if not metadata.grant_types:
        raise InvalidClientMetadata("grant_types must hold at least one.", reason="METADATA_GRANT_TYPES")


def _machine_scopes_are_not_personal(metadata: ClientMetadata) -> None:
    if metadata.grant_types == (CLIENT_CREDENTIALS,) and OPENID in parse_scope(metadata.scope):
        raise InvalidClientMetadata(
            "openid is about people: a client with client_credentials alone cannot have it.", reason="METADATA_SCOPE"
        )


_RULES = (
    _some_grant,
    _code_needs_its_grant,
    _redirects_need_a_uri,
    _public_clients_have_no_own_rights,
    _refresh_needs_something_to_refresh,
    _machine_scopes_are_not_personal,
)
