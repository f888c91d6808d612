"""Client metadata: RFC 7591 2, OpenID Connect Dynamic Registration 1.0 2, RP-Initiated Logout 1.0 3.1, and extensions.

Extensions: `require_pkce` (true: PKCE always, and always so for public clients; false: neither PKCE nor a nonce;
absent: PKCE, or a nonce in an OpenID Connect request), `claims_in_id_token` (bool: claims of granted scopes are in
every ID token), `claims_in_access_token` (claims of granted scopes that are in access tokens), `security_profile`
(security_profiles.py), `consent`
("required", or "skip" for the operator's own applications), `required_acr` (the lowest class of sign-in that gets
tokens), `resources` (permitted values of the `resource` parameter, RFC 8707), `served_resources` (resources whose
resource server this client is; it may introspect tokens for them), `introspection` ("own": its own tokens and those
for its served resources; "all": every token) and `strict_client_jwts` (bool; `latchkey client create` sets it).
"""

from collections.abc import Callable, Iterable, Mapping
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
from libs.oauth.visible_text import is_visible

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
    """Valid client metadata; made by `parse_metadata` only."""

    client_name: str = ""
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = (AUTHORIZATION_CODE,)
    response_types: tuple[str, ...] = ("code",)
    token_endpoint_auth_method: str = ""
    """Empty: the client may send its secret in the header and in the body."""
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
    """Empty: any algorithm that the client's keys support. none: unsigned request objects only."""
    require_pushed_authorization_requests: bool = False
    require_pkce: bool | None = None
    dpop_bound_access_tokens: bool = False
    claims_in_id_token: bool = False
    claims_in_access_token: tuple[str, ...] = ()
    strict_client_jwts: bool = False
    """Client assertions name the issuer alone in aud and end within 5 minutes; request objects have exp and aud."""
    security_profile: str = "oidc"
    consent: str = CONSENT_REQUIRED
    required_acr: str = ""
    introspection: str = INTROSPECTION_OWN
    resources: tuple[str, ...] = ()
    served_resources: tuple[str, ...] = ()

    @property
    def profile(self) -> SecurityProfile:
        profile = PROFILES[self.security_profile]
        return profile.with_strict_client_jwts if self.strict_client_jwts else profile

    @property
    def rotates_refresh_tokens(self) -> bool:
        """Whether each use of a refresh token replaces it. False only for clients that authenticate."""
        return self.is_public or (self.profile.rotates_refresh_tokens and not self.dpop_bound_access_tokens)

    @property
    def sector(self) -> str:
        """The sector whose clients share a user's pairwise subject; empty for public subjects (Core 8.1)."""
        return sector_of(self.sector_identifier_uri, self.redirect_uris) if self.subject_type == PAIRWISE else ""

    @property
    def is_public(self) -> bool:
        """Whether this is a public client (RFC 6749 2.1)."""
        return self.token_endpoint_auth_method == client_authentication.NONE

    @property
    def has_secret(self) -> bool:
        """Whether the client authenticates with a client secret issued by this server."""
        return bool(self.auth_methods & client_authentication.SECRET_METHODS)

    @property
    def auth_methods(self) -> frozenset[str]:
        """The permitted client authentication methods."""
        if self.token_endpoint_auth_method:
            return frozenset({self.token_endpoint_auth_method})
        return frozenset({client_authentication.BASIC, client_authentication.POST})

    @property
    def has_logout_uri(self) -> bool:
        """Whether the client is notified of logouts, over the back channel or the front channel."""
        return bool(self.backchannel_logout_uri or self.frontchannel_logout_uri)

    @property
    def uses_session_id(self) -> bool:
        """Whether ID tokens need `sid`: it names the session in logout requests, to the client and from it."""
        return self.has_logout_uri or bool(self.post_logout_redirect_uris)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Scope values that the client may request: the registered ones, or the standard ones if none is registered."""
        return parse_scope(self.scope) or STANDARD_SCOPES

    def to_json(self) -> dict[str, Any]:
        """Return the members that have a value, in the JSON form of RFC 7591."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value is not None and value not in ("", (), {})
        }


def restore_metadata(members: Mapping[str, Any]) -> ClientMetadata:
    """Return stored metadata. Unknown members, written by a newer version, are ignored.

    Clients of an earlier version may lack what `fapi2` requires of new ones; they go on as they are.
    """
    return _parse({name: value for name, value in members.items() if name in _READERS}, _RULES)


def parse_metadata(members: Mapping[str, Any]) -> ClientMetadata:
    """Return the metadata that a client or an operator sent. A member that is null or absent takes its default.

    Raises:
        InvalidClientMetadata: a member is invalid or unknown; the description names it.
        InvalidRedirectUri: a redirect URI is invalid; the description names the rule.
    """
    return _parse(members, (*_RULES, _profile_has_bound_tokens, _client_name_is_visible))


def _parse(members: Mapping[str, Any], rules: Iterable[Callable[[ClientMetadata], None]]) -> ClientMetadata:
    values: dict[str, Any] = {}
    for name, value in members.items():
        if name not in _READERS:
            raise InvalidClientMetadata(f"{name[:80]} is not a client metadata member.", reason=Reason.METADATA_UNKNOWN)
        if value is not None:
            values[name] = _READERS[name](name, value)
    if "response_types" not in values and AUTHORIZATION_CODE not in values.get("grant_types", (AUTHORIZATION_CODE,)):
        values["response_types"] = ()  # an implicit client must register its response types: there is no default
    profile = PROFILES[values.get("security_profile", "oidc")]
    if profile.pushed_only:
        values |= {"require_pkce": True, "require_pushed_authorization_requests": True}
        values.setdefault("id_token_signed_response_alg", min(profile.algorithms))
    if values.get("token_endpoint_auth_method") == client_authentication.NONE:
        values["require_pkce"] = True
    metadata = ClientMetadata(**values)
    for rule in rules:
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
    "dpop_bound_access_tokens": read.truth,
    "claims_in_id_token": read.truth,
    "claims_in_access_token": read.texts,
    "strict_client_jwts": read.truth,
    "security_profile": read.one_of(*PROFILES),
    "required_acr": read.one_of(*acr.SUPPORTED),
    "consent": read.one_of(CONSENT_REQUIRED, CONSENT_SKIP),
    "introspection": read.one_of(INTROSPECTION_OWN, INTROSPECTION_ALL),
    "resources": read.resources,
    "served_resources": read.resources,
}
assert _READERS.keys() == {each.name for each in fields(ClientMetadata)}  # noqa: S101 - fails at import when a field has no reader


def _response_types_match_grant_types(metadata: ClientMetadata) -> None:
    """RFC 7591 2.1: code requires authorization_code; token and id_token require implicit."""
    words = {word for kind in metadata.response_types for word in parse_response_type(kind)}
    if ("code" in words) != (AUTHORIZATION_CODE in metadata.grant_types):
        raise InvalidClientMetadata(
            "response_types with code and grant type authorization_code must be registered together (RFC 7591 2.1).",
            reason=Reason.METADATA_GRANT_RESPONSE,
        )
    if bool(words & {"token", "id_token"}) != (IMPLICIT in metadata.grant_types):
        raise InvalidClientMetadata(
            "response_types with token or id_token and grant type implicit must be registered together (RFC 7591 2.1).",
            reason=Reason.METADATA_GRANT_RESPONSE,
        )


def _response_types_need_a_redirect_uri(metadata: ClientMetadata) -> None:
    if metadata.response_types and not metadata.redirect_uris:
        raise InvalidClientMetadata(
            "redirect_uris must contain at least one URI.", reason=Reason.METADATA_REDIRECT_URIS
        )


def _public_clients_use_no_confidential_grants(metadata: ClientMetadata) -> None:
    """RFC 6749 4.4: client_credentials is for confidential clients. Latchkey limits the password grant likewise."""
    if metadata.is_public and CLIENT_CREDENTIALS in metadata.grant_types:
        raise InvalidClientMetadata(
            "client_credentials requires a confidential client: token_endpoint_auth_method must not be none.",
            reason=Reason.METADATA_PUBLIC_CREDENTIALS,
        )
    if metadata.is_public and PASSWORD in metadata.grant_types:
        raise InvalidClientMetadata(
            "password requires a confidential client: token_endpoint_auth_method must not be none.",
            reason=Reason.METADATA_PUBLIC_PASSWORD,
        )


def _jwks_or_jwks_uri(metadata: ClientMetadata) -> None:
    if metadata.jwks and metadata.jwks_uri:
        raise InvalidClientMetadata(
            "jwks and jwks_uri must not both be present (RFC 7591 2).", reason=Reason.METADATA_JWKS
        )
    by_key = metadata.token_endpoint_auth_method == client_authentication.PRIVATE_KEY_JWT
    if by_key and not (metadata.jwks or metadata.jwks_uri):
        raise InvalidClientMetadata(
            "token_endpoint_auth_method private_key_jwt requires jwks or jwks_uri.", reason=Reason.METADATA_JWKS
        )
    if metadata.jwks and not _usable(metadata.jwks):
        raise InvalidClientMetadata(
            "jwks contains no supported key: RSA of at least 2048 bits or EC on P-256.",
            reason=Reason.METADATA_JWKS,
        )


def _assertion_alg_fits_auth_method(metadata: ClientMetadata) -> None:
    """client_secret_jwt uses HS256, private_key_jwt an asymmetric algorithm (OpenID Connect Core 9)."""
    by_secret = metadata.token_endpoint_auth_method == client_authentication.CLIENT_SECRET_JWT
    alg = metadata.token_endpoint_auth_signing_alg
    if alg and (alg == secret_jwt.ALG) != by_secret:
        raise InvalidClientMetadata(
            f"token_endpoint_auth_signing_alg must be {secret_jwt.ALG} for client_secret_jwt, and only for it.",
            reason=Reason.METADATA_AUTH_ALG,
        )


def _usable(jwks: Mapping[str, Any]) -> bool:
    try:
        return bool(ClientKeySet.of(jwks).keys)
    except InvalidKey:
        return False


def _public_clients_do_not_introspect(metadata: ClientMetadata) -> None:
    if metadata.is_public and metadata.introspection == INTROSPECTION_ALL:
        raise InvalidClientMetadata(
            "introspection all requires a confidential client.", reason=Reason.METADATA_PUBLIC_INTROSPECTION
        )
    if metadata.is_public and metadata.served_resources:
        raise InvalidClientMetadata(
            "served_resources requires a confidential client.", reason=Reason.METADATA_PUBLIC_INTROSPECTION
        )


def _security_profile_is_met(metadata: ClientMetadata) -> None:
    profile, name = metadata.profile, metadata.security_profile
    if profile.auth_methods and not metadata.auth_methods <= profile.auth_methods:
        methods = " or ".join(sorted(profile.auth_methods))
        raise InvalidClientMetadata(
            f"security_profile {name} requires token_endpoint_auth_method {methods}.", reason=Reason.METADATA_PROFILE
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
            f"security_profile {name} permits only these signing algorithms: {', '.join(sorted(profile.algorithms))}.",
            reason=Reason.METADATA_PROFILE,
        )
    if profile.code_only and not {IMPLICIT, PASSWORD}.isdisjoint(metadata.grant_types):
        raise InvalidClientMetadata(
            f"security_profile {name} does not permit the grant types implicit and password.",
            reason=Reason.METADATA_PROFILE,
        )


def _client_name_is_visible(metadata: ClientMetadata) -> None:
    if not is_visible(metadata.client_name):
        raise InvalidClientMetadata(
            "client_name must not contain invisible characters such as fillers and variation selectors.",
            reason=Reason.METADATA_TYPE,
        )


def _profile_has_bound_tokens(metadata: ClientMetadata) -> None:
    if metadata.profile.sender_constrained and not metadata.dpop_bound_access_tokens:
        raise InvalidClientMetadata(
            f"security_profile {metadata.security_profile} requires sender-constrained access tokens: set "
            "dpop_bound_access_tokens to true (FAPI 2.0 Security Profile 5.3.2.1).",
            reason=Reason.METADATA_PROFILE,
        )


def _bound_tokens_come_from_the_token_endpoint(metadata: ClientMetadata) -> None:
    """A token from the authorization endpoint cannot be bound: the request has no proof (RFC 9449 5)."""
    issues_tokens = any("token" in parse_response_type(kind) for kind in metadata.response_types)
    if metadata.dpop_bound_access_tokens and issues_tokens:
        raise InvalidClientMetadata(
            "dpop_bound_access_tokens excludes response_types with token: such tokens cannot be bound to a key.",
            reason=Reason.METADATA_DPOP,
        )


def _refresh_needs_another_grant(metadata: ClientMetadata) -> None:
    if REFRESH_TOKEN in metadata.grant_types and set(metadata.grant_types) <= {REFRESH_TOKEN, IMPLICIT}:
        raise InvalidClientMetadata(
            "Grant type refresh_token requires another grant type that issues refresh tokens: add authorization_code.",
            reason=Reason.METADATA_REFRESH_ALONE,
        )


def _pairwise_needs_a_sector(metadata: ClientMetadata) -> None:
    _ = metadata.sector


def _at_least_one_grant_type(metadata: ClientMetadata) -> None:
    if not metadata.grant_types:
        raise InvalidClientMetadata(
            "grant_types must contain at least one grant type.", reason=Reason.METADATA_GRANT_TYPES
        )


def _client_credentials_alone_has_no_openid(metadata: ClientMetadata) -> None:
    if metadata.grant_types == (CLIENT_CREDENTIALS,) and OPENID in parse_scope(metadata.scope):
        raise InvalidClientMetadata(
            "scope openid requires a grant type with an end-user: client_credentials alone has none.",
            reason=Reason.METADATA_SCOPE,
        )


def _front_channel_logout_shares_origin(metadata: ClientMetadata) -> None:
    uri = metadata.frontchannel_logout_uri
    if uri and not logout_uris.shares_origin(uri, metadata.redirect_uris):
        raise InvalidClientMetadata(
            "frontchannel_logout_uri must have the scheme, host and port of a registered redirect URI.",
            reason=Reason.METADATA_LOGOUT_URI,
        )


_RULES = (
    _security_profile_is_met,
    _public_clients_do_not_introspect,
    _jwks_or_jwks_uri,
    _assertion_alg_fits_auth_method,
    _front_channel_logout_shares_origin,
    _pairwise_needs_a_sector,
    _at_least_one_grant_type,
    _response_types_match_grant_types,
    _response_types_need_a_redirect_uri,
    _public_clients_use_no_confidential_grants,
    _refresh_needs_another_grant,
    _bound_tokens_come_from_the_token_endpoint,
    _client_credentials_alone_has_no_openid,
)
