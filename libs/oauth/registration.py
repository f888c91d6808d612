"""Metadata of clients that register themselves (RFC 7591 2, OpenID Connect Dynamic Registration 1.0, 2).

`client_metadata` parses the values, as for every client. The sender is unauthenticated, so members for operators are
ignored, and grant types that work without the consent of a user are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from libs.oauth import client_authentication
from libs.oauth.client_metadata import (
    AUTHORIZATION_CODE,
    IMPLICIT,
    REFRESH_TOKEN,
    UNSIGNED,
    ClientMetadata,
    parse_metadata,
)
from libs.oauth.errors import InvalidClientMetadata, InvalidRedirectUri, name_values
from libs.oauth.reasons import Reason
from libs.oauth.redirect_uris import is_private
from libs.oauth.scopes import STANDARD_SCOPES, parse_scope

RegistrationMode = Literal["closed", "token", "open"]
"""Which clients may register themselves. `token`: those with an initial access token. `open`: all."""
OPERATORS_MEMBERS = frozenset(
    {
        "claims_in_access_token",
        "consent",
        "introspection",
        "required_acr",
        "resources",
        "security_profile",
        "served_resources",
        "strict_client_jwts",
    }
)
"""Only operators set these. A registration request that contains them leaves them unchanged."""
CLIENTS_MEMBERS = frozenset(
    {
        "client_name",
        "redirect_uris",
        "post_logout_redirect_uris",
        "grant_types",
        "response_types",
        "token_endpoint_auth_method",
        "token_endpoint_auth_signing_alg",
        "jwks",
        "jwks_uri",
        "scope",
        "client_uri",
        "logo_uri",
        "policy_uri",
        "tos_uri",
        "initiate_login_uri",
        "contacts",
        "application_type",
        "default_max_age",
        "default_acr_values",
        "subject_type",
        "sector_identifier_uri",
        "id_token_signed_response_alg",
        "userinfo_signed_response_alg",
        "introspection_signed_response_alg",
        "backchannel_logout_uri",
        "backchannel_logout_session_required",
        "frontchannel_logout_uri",
        "frontchannel_logout_session_required",
        "request_uris",
        "request_object_signing_alg",
        "require_pushed_authorization_requests",
        "require_pkce",
        "claims_in_id_token",
        "dpop_bound_access_tokens",
    }
)
GRANT_TYPES = (AUTHORIZATION_CODE, IMPLICIT, REFRESH_TOKEN)
"""Each of them needs the consent of a user. Only operators register the other grant types."""


@dataclass(frozen=True, kw_only=True)
class RegistrationPolicy:
    """What the operator permits clients to register."""

    scopes: tuple[str, ...] = STANDARD_SCOPES
    resources: tuple[str, ...] = ()
    """Permitted values of the `resource` parameter (RFC 8707)."""
    front_channel: bool = True
    """Whether response types with token or id_token are permitted."""

    def read(self, members: Mapping[str, Any], *, before: ClientMetadata | None = None) -> ClientMetadata:
        """Return the client's metadata. Unknown members and members for operators are ignored (RFC 7591 2).

        Args:
            before: the metadata so far; its members for operators are kept.

        Raises:
            InvalidClientMetadata, InvalidRedirectUri: a value is invalid or exceeds the policy.
        """
        own = {name: value for name, value in members.items() if name in CLIENTS_MEMBERS and value is not None}
        own.setdefault("token_endpoint_auth_method", client_authentication.BASIC)  # RFC 7591 2
        if own["token_endpoint_auth_method"] != client_authentication.NONE:
            own.setdefault("require_pkce", False)  # the client's secret or key protects the code; PKCE stays possible
        operators = {name: getattr(before, name) or None for name in OPERATORS_MEMBERS} if before else {}
        metadata = parse_metadata({**own, "resources": self.resources, **operators})
        self._judge(metadata)
        if before and metadata.is_public and not before.is_public:
            raise InvalidClientMetadata(
                "token_endpoint_auth_method of a confidential client cannot become none: register a new client.",
                reason=Reason.REGISTRATION_DOWNGRADE,
            )
        return metadata

    def _judge(self, metadata: ClientMetadata) -> None:
        if not set(metadata.grant_types) <= set(GRANT_TYPES):
            raise InvalidClientMetadata(
                f"grant_types contains a value that is not permitted. Permitted: {', '.join(GRANT_TYPES)}.",
                reason=Reason.REGISTRATION_GRANT,
            )
        if IMPLICIT in metadata.grant_types:
            self._judge_front_channel(metadata)
        refused = [scope for scope in parse_scope(metadata.scope) if scope not in self.scopes]
        if refused:
            named = name_values("scope contains values that are not permitted", refused).rstrip(".")
            raise InvalidClientMetadata(
                f"{named}. Permitted: {' '.join(self.scopes)}.", reason=Reason.REGISTRATION_SCOPE
            )
        if metadata.request_object_signing_alg == UNSIGNED:
            raise InvalidClientMetadata(
                "request_object_signing_alg must not be none.", reason=Reason.REGISTRATION_UNSIGNED_REQUESTS
            )

    def _judge_front_channel(self, metadata: ClientMetadata) -> None:
        """OpenID Connect Dynamic Registration 1.0, 2: web clients with implicit need https and no localhost."""
        if not self.front_channel:
            raise InvalidClientMetadata(
                "response_types contains a value that is not permitted. Permitted: code.",
                reason=Reason.REGISTRATION_FRONT_CHANNEL,
            )
        if metadata.application_type == "web" and any(map(_is_local, metadata.redirect_uris)):
            raise InvalidRedirectUri(
                "redirect_uris of a web client with grant type implicit must be https and not on localhost.",
                reason=Reason.REGISTRATION_LOCAL_REDIRECT,
            )


def _is_local(uri: str) -> bool:
    return is_private(uri) or urlsplit(uri).hostname == "localhost"
