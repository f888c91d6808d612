"""Security profiles: the rules for a client's authentication, requests and responses.

`oidc` permits what OpenID Connect Core permits. `fapi2` requires what the FAPI 2.0 Security Profile requires. `strict`
is its name in versions before sender-constrained access tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property


@dataclass(frozen=True, kw_only=True)
class SecurityProfile:
    assertion_lifetime: timedelta
    """Longest time until `exp` of a client assertion. Each assertion is accepted once."""
    assertion_for_issuer_only: bool
    """True: `aud` must be the issuer as one string (FAPI 2.0, 5.3.2.1). False: the endpoint and arrays are accepted."""
    algorithms: frozenset[str]
    """Signing algorithms for client assertions, request objects and ID tokens."""
    request_object_lifetime: timedelta | None
    """Longest lifetime of a request object, which then needs iss, aud, nbf and exp. None: these claims are optional."""
    request_object_claims: frozenset[str] = frozenset()
    """Claims that a request object must have."""
    auth_methods: frozenset[str] | None = None
    """Permitted values of token_endpoint_auth_method. None: all."""
    code_only: bool = False
    """True: the grant types implicit and password are not permitted."""
    pushed_only: bool = False
    """True: authorization requests must be pushed (RFC 9126) and use PKCE."""
    sender_constrained: bool = False
    """True: access tokens must be bound to a key of the client (FAPI 2.0, 5.3.2.1)."""
    rotates_refresh_tokens: bool = True
    """False: a refresh token is used again until it expires (FAPI 2.0, 5.3.2.1)."""

    @cached_property
    def with_strict_client_jwts(self) -> "SecurityProfile":
        """The profile with the current rules for JWTs of clients (RFC 7523bis, RFC 9101 10.8)."""
        return replace(
            self,
            assertion_lifetime=min(self.assertion_lifetime, timedelta(minutes=5)),
            assertion_for_issuer_only=True,
            request_object_claims=self.request_object_claims | {"exp", "aud"},
        )


OIDC = SecurityProfile(
    assertion_lifetime=timedelta(hours=1),  # Authlib writes this lifetime and cannot be configured otherwise
    assertion_for_issuer_only=False,
    algorithms=frozenset({"RS256", "ES256", "HS256"}),
    request_object_lifetime=None,
)
FAPI2 = SecurityProfile(
    assertion_lifetime=timedelta(minutes=5),
    assertion_for_issuer_only=True,
    algorithms=frozenset({"ES256"}),
    request_object_lifetime=timedelta(hours=1),
    auth_methods=frozenset({"private_key_jwt"}),
    code_only=True,
    pushed_only=True,
    sender_constrained=True,
    rotates_refresh_tokens=False,
)
PROFILES: Mapping[str, SecurityProfile] = {"oidc": OIDC, "fapi2": FAPI2, "strict": FAPI2}
