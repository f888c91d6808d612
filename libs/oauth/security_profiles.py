"""Where standards contradict each other, a client's `security_profile` says which of them it follows.

`oidc` is what OpenID Connect Core lets clients do. `strict` is what the FAPI 2.0 Security Profile asks of client
authentication, requests and responses. It does not bear that name, for it lacks tokens that are bound to their sender.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class SecurityProfile:
    assertion_lifetime: timedelta
    """How far ahead `exp` of a client assertion may lie. An assertion is good once, however long it lives."""
    assertion_for_issuer_only: bool
    """`aud` is the issuer as one string; otherwise it may name the endpoint, and others beside (FAPI 2.0, 5.3.2.1)."""
    algorithms: frozenset[str]
    """What clients may sign with, and have ID tokens signed with."""
    request_object_lifetime: timedelta | None
    """Request objects name the two parties and live no longer; None: what they leave out is not missed."""
    auth_methods: frozenset[str] | None = None
    """None: all."""
    code_only: bool = False
    """No token or assertion about a person passes through the browser, and no password through the client."""
    pushed_only: bool = False
    """Authorization requests are pushed, and protected by PKCE."""


OIDC = SecurityProfile(
    assertion_lifetime=timedelta(hours=1),  # what Authlib writes and lets nobody change
    assertion_for_issuer_only=False,
    algorithms=frozenset({"RS256", "ES256", "HS256"}),
    request_object_lifetime=None,
)
STRICT = SecurityProfile(
    assertion_lifetime=timedelta(minutes=5),
    assertion_for_issuer_only=True,
    algorithms=frozenset({"ES256"}),
    request_object_lifetime=timedelta(hours=1),
    auth_methods=frozenset({"private_key_jwt"}),
    code_only=True,
    pushed_only=True,
)
PROFILES: Mapping[str, SecurityProfile] = {"oidc": OIDC, "strict": STRICT}
