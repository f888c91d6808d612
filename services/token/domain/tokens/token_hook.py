"""The hook on tokens: the operator's own program may add claims to an access token, or deny it, and nothing else.

Added claims are named by an https URI (RFC 7519 4.2), so that none is ever a claim of a protocol.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from libs.oauth.errors import AccessDenied
from libs.oauth.reasons import Reason
from services.token.domain.clients.client import Client
from services.token.domain.tokens.grants import Grant

MAX_REPLY_BYTES: Final = 4 * 1024
MAX_CLAIMS: Final = 20
_MAX_NAME_LENGTH: Final = 200
_NAMESPACE: Final = "https://"
_RESERVED: Final = ("https://openid.net/", "https://schemas.openid.net/")


class HookReplyInvalid(ValueError):
    """The hook answered what no hook may."""


@dataclass(frozen=True)
class TokenHookRequest:
    """The request to the token hook about an access token."""

    grant_type: str
    client: Client
    audience: tuple[str, ...]
    scopes: tuple[str, ...]
    grant: Grant | None

    def as_json(self, *, issuer: str) -> dict[str, Any]:
        request: dict[str, Any] = {
            "issuer": issuer,
            "grant_type": self.grant_type,
            "client_id": self.client.client_id,
            "audience": list(self.audience),
            "scopes": list(self.scopes),
        }
        if self.grant is not None:
            request |= {
                "user_id": self.grant.user_id,
                "session_id": self.grant.session_id,
                "acr": self.grant.acr,
                "amr": list(self.grant.amr),
                "auth_time": int(self.grant.authenticated_at.timestamp()),
            }
        return request


def claims_of_reply(body: bytes) -> Mapping[str, Any]:
    """The claims that the hook adds: `{"claims": {...}}`. `{"deny": true}` denies.

    Raises:
        AccessDenied: it denies the token.
        HookReplyInvalid: anything else.
    """
    if len(body) > MAX_REPLY_BYTES:
        raise HookReplyInvalid(f"reply exceeds {MAX_REPLY_BYTES} bytes")
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError):
        raise HookReplyInvalid("reply is not JSON") from None
    match reply:
        case {"deny": True, **rest} if not rest:
            raise AccessDenied(reason=Reason.HOOK_DENIED)
        case {"claims": dict(claims), **rest} if not rest:
            return _checked(claims)
    raise HookReplyInvalid("reply must contain either claims or deny")


def _checked(claims: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(claims) > MAX_CLAIMS:
        raise HookReplyInvalid(f"reply contains more than {MAX_CLAIMS} claims")
    for name in claims:
        namespaced = name.startswith(_NAMESPACE) and len(name) > len(_NAMESPACE) and name.isascii()
        if not namespaced or len(name) > _MAX_NAME_LENGTH or name.startswith(_RESERVED):
            raise HookReplyInvalid("claim name must be an https URI outside the reserved namespaces")
    try:
        json.dumps(claims, allow_nan=False)
    except ValueError:
        raise HookReplyInvalid("claim value is not valid JSON") from None
    return claims
