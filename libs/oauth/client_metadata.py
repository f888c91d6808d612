"""Client metadata: RFC 7591 2, OpenID Connect Dynamic Registration 1.0 2, RP-Initiated Logout 1.0 3.1, and our own.

Ours: `require_pkce` (bool; public clients always), `security_profile` (security_profiles.py), `consent` ("required", or
"skip" for the operator's own applications), `required_acr` (no sign-in of a lower class gets anything), `resources`
(what it may name as `resource`, RFC 8707), `served_resources` (it is the resource server of these, and introspects
tokens for them) and `introspection` ("own" tokens and those for what it serves, or "all").
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from libs.crypto import secret_jwt
from libs.crypto.client_keys import ClientKeySet
from libs.crypto.errors import InvalidKey
from libs.oauth import acr, client_authentication, logout_uris
from libs.oauth import metadata_values as read
from libs.oauth.errors import InvalidClientMetadata
from libs.oauth.reasons import Reason
from libs.oauth.response_types import parse_response_type
from libs.oauth.scopes import OPENID, STANDARD_SCOPES, parse_scope
from libs.oauth.sectors import PAIRWISE, PUBLIC, SUBJECT_TYPES, sector_of
from libs.oauth.security_profiles import PROFILES, SecurityProfile

AUTHORIZATION_CODE = "authorization_code"
IMPLICIT = "implicit"
REFRESH_TOKEN = "refresh_token"
CLIENT_CREDENTIALS = "client_credentials"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
PASSWORD = "password"
SUPPORTED_GRANT_TYPES = (AUTHORIZATION_CODE, IMPLICIT, REFRESH_TOKEN, CLIENT_CREDENTIALS, DEVICE_CODE, PASSWORD)
SIGNING_ALGORITHMS = ("RS256", "ES256")
AUTH_SIGNING_ALGORITHMS = (*SIGNING_ALGORITHMS, secret_jwt.ALG)
UNSIGNED = "none"
CONSENT_REQUIRED = "required"
CONSENT_SKIP = "skip"
INTROSPECTION_OWN = "own"
INTROSPECTION_ALL = "all"


@dataclass(frozen=True, kw_only=True)
class ClientMetadata:
    """Metadata that hold together; made by `parse_metadata` only."""

    client_name: str = ""
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = (AUTHORIZATION_CODE,)
    response_types: tuple[str, ...] = ("code",)
    token_endpoint_auth_method: str = client_authentication.BASIC
    token_endpoint_auth_signing_alg: str = ""
    jwks: Mapping[str, Any] = field(default_factory=dict)
    jwks_uri: str = ""
    scope: str = ""
    client_uri: str = ""
    logo_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""
    initiate_login_uri: str = ""
    contacts: tuple[str, ...] = ()
    application_type: str = "web"
    default_max_age: int | None = None
    default_acr_values: tuple[str, ...] = ()
    subject_type: str = PUBLIC
    sector_identifier_uri: str = ""
    id_token_signed_response_alg: str = "RS256"
    userinfo_signed_response_alg: str = ""
    """Empty: JSON."""
    introspection_signed_response_alg: str = "RS256"
    backchannel_logout_uri: str = ""
    backchannel_logout_session_required: bool = False
    frontchannel_logout_uri: str = ""
    frontchannel_logout_session_required: bool = False
    request_uris: tuple[str, ...] = ()
    request_object_signing_alg: str = ""
    """Empty: whatever its keys make. none: unsigned ones, and no others."""
    require_pushed_authorization_requests: bool = False
    require_pkce: bool = True
    security_profile: str = "oidc"
    consent: str = CONSENT_REQUIRED
    required_acr: str = ""
    introspection: str = INTROSPECTION_OWN
    resources: tuple[str, ...] = ()
    served_resources: tuple[str, ...] = ()

    @property
    def profile(self) -> SecurityProfile:
        return PROFILES[self.security_profile]

    @property
    def sector(self) -> str:
        """Whose clients know a person by the same subject; empty for public subjects (OpenID Connect Core 8.1)."""
        return sector_of(self.sector_identifier_uri, self.redirect_uris) if self.subject_type == PAIRWISE else ""

    @property
    def is_public(self) -> bool:
        """It cannot keep a secret (RFC 6749 2.1)."""
        return self.token_endpoint_auth_method == client_authentication.NONE

    @property
    def has_secret(self) -> bool:
        """It proves who it is by a secret of ours."""
        return self.token_endpoint_auth_method in client_authentication.SECRET_METHODS

    @property
    def hears_of_logout(self) -> bool:
        """It wants to know when a session in which somebody signed in to it has ended."""
        return bool(self.backchannel_logout_uri or self.frontchannel_logout_uri)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Scope values that it may ask for: what it registered, otherwise the standard ones."""
        return parse_scope(self.scope) or STANDARD_SCOPES

    def to_json(self) -> dict[str, Any]:
        """The members that have a value, as RFC 7591 writes them."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value is not None and value not in ("", (), {})
        }


def restore_metadata(members: Mapping[str, Any]) -> ClientMetadata:
    """Metadata as they were stored: members that only newer code knows are passed over."""
    return parse_metadata({name: value for name, value in members.items() if name in _READERS})


def parse_metadata(members: Mapping[str, Any]) -> ClientMetadata:
    """Metadata as a client or an operator sent them. A member that is null or absent takes its default.

    Raises:
        InvalidClientMetadata: naming the member; one that is not known is refused as well: it may be a typing error.
        InvalidRedirectUri: saying which rule a redirect URI breaks.
    """
    values: dict[str, Any] = {}
    for name, value in members.items():
        if name not in _READERS:
            raise InvalidClientMetadata(f"{name[:80]} is not a known member.", reason=Reason.METADATA_UNKNOWN)
        if value is not None:
            values[name] = _READERS[name](name, value)
    if "response_types" not in values and AUTHORIZATION_CODE not in values.get("grant_types", (AUTHORIZATION_CODE,)):
        values["response_types"] = ()  # what an implicit client may have is never assumed: it says which response types
    profile = PROFILES[values.get("security_profile", "oidc")]
    if profile.pushed_only:
        values |= {"require_pkce": True, "require_pushed_authorization_requests": True}
        values.setdefault("id_token_signed_response_alg", min(profile.algorithms))
    if values.get("token_endpoint_auth_method") == client_authentication.NONE:
        values["require_pkce"] = True
    metadata = ClientMetadata(**values)
    for rule in _RULES:
        rule(metadata)
    return metadata


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "client_name": read.text,
    "redirect_uris": read.redirect_uris,
    "post_logout_redirect_uris": read.redirect_uris,
    "grant_types": read.some_of(*SUPPORTED_GRANT_TYPES),
    "response_types": read.response_types,
    "token_endpoint_auth_method": read.one_of(*client_authentication.SUPPORTED_METHODS),
    "token_endpoint_auth_signing_alg": read.one_of(*AUTH_SIGNING_ALGORITHMS),
    "jwks": read.key_set,
    "jwks_uri": read.fetched_url,
    "scope": read.scope,
    "client_uri": read.web_page,
    "logo_uri": read.web_page,
    "policy_uri": read.web_page,
    "tos_uri": read.web_page,
    "initiate_login_uri": read.web_page,
    "contacts": read.texts,
    "application_type": read.one_of("web", "native"),
    "default_max_age": read.seconds,
    "default_acr_values": read.some_of(*acr.SUPPORTED),
    "subject_type": read.one_of(*SUBJECT_TYPES),
    "sector_identifier_uri": read.fetched_url,
    "id_token_signed_response_alg": read.one_of(*SIGNING_ALGORITHMS),
    "userinfo_signed_response_alg": read.one_of(*SIGNING_ALGORITHMS),
    "introspection_signed_response_alg": read.one_of(*SIGNING_ALGORITHMS),
    "backchannel_logout_uri": logout_uris.backchannel_uri,
    "backchannel_logout_session_required": read.truth,
    "frontchannel_logout_uri": logout_uris.frontchannel_uri,
    "frontchannel_logout_session_required": read.truth,
    "request_uris": read.fetched_urls,
    "request_object_signing_alg": read.one_of(*SIGNING_ALGORITHMS, UNSIGNED),
    "require_pushed_authorization_requests": read.truth,
    "require_pkce": read.truth,
    "security_profile": read.one_of(*PROFILES),
    "required_acr": read.one_of(*acr.SUPPORTED),
    "consent": read.one_of(CONSENT_REQUIRED, CONSENT_SKIP),
    "introspection": read.one_of(INTROSPECTION_OWN, INTROSPECTION_ALL),
    "resources": read.resources,
    "served_resources": read.resources,
}
assert _READERS.keys() == {each.name for each in fields(ClientMetadata)}  # noqa: S101 - said at import, for developers


def _response_types_need_their_grants(metadata: ClientMetadata) -> None:
    """RFC 7591 2.1: code goes with authorization_code, whatever comes through the browser with implicit."""
    words = {word for kind in metadata.response_types for word in parse_response_type(kind)}
    if ("code" in words) != (AUTHORIZATION_CODE in metadata.grant_types):
        raise InvalidClientMetadata(
            "Response types with code and the grant type authorization_code go together.",
            reason=Reason.METADATA_GRANT_RESPONSE,
        )
    if bool(words & {"token", "id_token"}) != (IMPLICIT in metadata.grant_types):
        raise InvalidClientMetadata(
            "Response types with token or id_token and the grant type implicit go together.",
            reason=Reason.METADATA_GRANT_RESPONSE,
        )


def _redirects_need_a_uri(metadata: ClientMetadata) -> None:
    if metadata.response_types and not metadata.redirect_uris:
        raise InvalidClientMetadata("redirect_uris must hold at least one URI.", reason=Reason.METADATA_REDIRECT_URIS)


def _public_clients_have_no_own_rights(metadata: ClientMetadata) -> None:
    """RFC 6749 4.4: a client that cannot prove who it is cannot act for itself, nor ask people for passwords."""
    if metadata.is_public and CLIENT_CREDENTIALS in metadata.grant_types:
        raise InvalidClientMetadata(
            "client_credentials needs a client with a secret: token_endpoint_auth_method must not be none.",
            reason=Reason.METADATA_PUBLIC_CREDENTIALS,
        )
    if metadata.is_public and PASSWORD in metadata.grant_types:
        raise InvalidClientMetadata(
            "password needs a client that proves who it is: token_endpoint_auth_method must not be none.",
            reason=Reason.METADATA_PUBLIC_PASSWORD,
        )


def _keys_come_from_one_place(metadata: ClientMetadata) -> None:
    """RFC 7591 2: jwks and jwks_uri exclude each other."""
    if metadata.jwks and metadata.jwks_uri:
        raise InvalidClientMetadata("Give jwks or jwks_uri, not both.", reason=Reason.METADATA_JWKS)
    by_key = metadata.token_endpoint_auth_method == client_authentication.PRIVATE_KEY_JWT
    if by_key and not (metadata.jwks or metadata.jwks_uri):
        raise InvalidClientMetadata("private_key_jwt needs jwks or jwks_uri.", reason=Reason.METADATA_JWKS)
    if metadata.jwks and not _usable(metadata.jwks):
        raise InvalidClientMetadata(
            "jwks holds no key that can be used: RSA of at least 2048 bits, or EC on P-256.",
            reason=Reason.METADATA_JWKS,
        )


def _assertions_are_signed_as_their_method_says(metadata: ClientMetadata) -> None:
    """A secret makes HS256, a key never does (OpenID Connect Core 9)."""
    by_secret = metadata.token_endpoint_auth_method == client_authentication.CLIENT_SECRET_JWT
    alg = metadata.token_endpoint_auth_signing_alg
    if alg and (alg == secret_jwt.ALG) != by_secret:
        raise InvalidClientMetadata(
            f"token_endpoint_auth_signing_alg {secret_jwt.ALG} and client_secret_jwt go together.",
            reason=Reason.METADATA_AUTH_ALG,
        )


def _usable(jwks: Mapping[str, Any]) -> bool:
    try:
        return bool(ClientKeySet.of(jwks).keys)
    except InvalidKey:
        return False


def _strangers_introspect_nothing(metadata: ClientMetadata) -> None:
    if metadata.is_public and metadata.introspection == INTROSPECTION_ALL:
        raise InvalidClientMetadata(
            "introspection all needs a client that proves who it is.", reason=Reason.METADATA_PUBLIC_INTROSPECTION
        )
    if metadata.is_public and metadata.served_resources:
        raise InvalidClientMetadata(
            "served_resources needs a client that proves who it is.", reason=Reason.METADATA_PUBLIC_INTROSPECTION
        )


def _the_profile_is_kept(metadata: ClientMetadata) -> None:
    profile, name = metadata.profile, metadata.security_profile
    if profile.auth_methods and metadata.token_endpoint_auth_method not in profile.auth_methods:
        methods = " or ".join(sorted(profile.auth_methods))
        raise InvalidClientMetadata(
            f"security_profile {name} needs token_endpoint_auth_method {methods}.", reason=Reason.METADATA_PROFILE
        )
    signed_with = {
        metadata.id_token_signed_response_alg,
        metadata.token_endpoint_auth_signing_alg,
        metadata.request_object_signing_alg,
    } - {"", UNSIGNED}
    if not signed_with <= profile.algorithms or (
        profile.pushed_only and metadata.request_object_signing_alg == UNSIGNED
    ):
        raise InvalidClientMetadata(
            f"security_profile {name} allows the algorithms {', '.join(sorted(profile.algorithms))} only.",
            reason=Reason.METADATA_PROFILE,
        )
    if profile.code_only and not {IMPLICIT, PASSWORD}.isdisjoint(metadata.grant_types):
        raise InvalidClientMetadata(
            f"security_profile {name} excludes the grant types implicit and password.", reason=Reason.METADATA_PROFILE
        )


def _refresh_needs_something_to_refresh(metadata: ClientMetadata) -> None:
    if REFRESH_TOKEN in metadata.grant_types and set(metadata.grant_types) <= {REFRESH_TOKEN, IMPLICIT}:
        raise InvalidClientMetadata(
            "refresh_token alone does nothing: add authorization_code.", reason=Reason.METADATA_REFRESH_ALONE
        )


def _pairwise_needs_a_sector(metadata: ClientMetadata) -> None:
    _ = metadata.sector


def _some_grant(metadata: ClientMetadata) -> None:
    if not metadata.grant_types:
        raise InvalidClientMetadata("grant_types must hold at least one.", reason=Reason.METADATA_GRANT_TYPES)


def _machine_scopes_are_not_personal(metadata: ClientMetadata) -> None:
    if metadata.grant_types == (CLIENT_CREDENTIALS,) and OPENID in parse_scope(metadata.scope):
        raise InvalidClientMetadata(
            "openid is about people: a client with client_credentials alone cannot have it.",
            reason=Reason.METADATA_SCOPE,
        )


def _front_channel_logout_stays_at_home(metadata: ClientMetadata) -> None:
    uri = metadata.frontchannel_logout_uri
    if uri and not logout_uris.shares_origin(uri, metadata.redirect_uris):
        raise InvalidClientMetadata(
            "frontchannel_logout_uri must have scheme, host and port of a redirect URI.",
            reason=Reason.METADATA_LOGOUT_URI,
        )


_RULES = (
    _the_profile_is_kept,
    _strangers_introspect_nothing,
    _keys_come_from_one_place,
    _assertions_are_signed_as_their_method_says,
    _front_channel_logout_stays_at_home,
    _pairwise_needs_a_sector,
    _some_grant,
    _response_types_need_their_grants,
    _redirects_need_a_uri,
    _public_clients_have_no_own_rights,
    _refresh_needs_something_to_refresh,
    _machine_scopes_are_not_personal,
)
