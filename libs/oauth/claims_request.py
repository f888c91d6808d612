"""The `claims` request parameter (OpenID Connect Core 5.5)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.oauth.scopes import CLAIMS_OF_SCOPE, claims_of

MAX_LENGTH = 4_096
_KNOWN = frozenset(claim for claims in CLAIMS_OF_SCOPE.values() for claim in claims)
SID = "sid"
"""Session identifier: in ID tokens, without a scope (OpenID Connect Back-Channel Logout 1.0, 2.1)."""


@dataclass(frozen=True)
class ClaimsRequest:
    """Individual claims about the end-user; unknown claims are ignored (5.5.1)."""

    userinfo: tuple[str, ...] = ()
    id_token: tuple[str, ...] = ()
    acr: tuple[str, ...] = ()
    """Requested values of `acr`, if `acr` is an essential claim."""
    subjects: frozenset[str] = field(default_factory=frozenset)
    """Requested values of `sub`; the end-user must have one of them. Empty: any end-user."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Scope values that cover these claims; the end-user is asked to consent to them."""
        requested = {*self.userinfo, *self.id_token}
        return tuple(scope for scope, claims in CLAIMS_OF_SCOPE.items() if requested.intersection(claims))

    def limited_to(self, scopes: tuple[str, ...]) -> "ClaimsRequest":
        """Return the request without the claims that none of these scope values covers."""
        covered = frozenset(claims_of(scopes))
        return replace(
            self,
            userinfo=tuple(name for name in self.userinfo if name in covered),
            id_token=tuple(name for name in self.id_token if name in covered or name == SID),
        )


def parse_claims_request(text: str) -> ClaimsRequest:
    """Parse the parameter.

    Raises:
        InvalidRequest: not a JSON object of objects, or too long.
    """
    try:
        request = json.loads(text) if len(text) <= MAX_LENGTH else None
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, dict):
        raise _malformed()
    userinfo, id_token = _members(request.get("userinfo")), _members(request.get("id_token"))
    acr = id_token.get("acr")
    essential = isinstance(acr, dict) and acr.get("essential") is True
    subjects = _values(id_token.get("sub")) + _values(userinfo.get("sub"))
    return ClaimsRequest(
        userinfo=tuple(name for name in userinfo if name in _KNOWN),
        id_token=tuple(name for name in id_token if name in {*_KNOWN, SID}),
        acr=_values(acr) if essential else (),
        subjects=frozenset(subjects),
    )


def _members(part: Any) -> Mapping[str, Any]:
    if part is None:
        return {}
    if not isinstance(part, dict) or not all(value is None or isinstance(value, dict) for value in part.values()):
        raise _malformed()
    return part


def _values(member: Any) -> tuple[str, ...]:
    """Return `value` and `values` of one claim (5.5.1)."""
    if not isinstance(member, dict):
        return ()
    values = [member.get("value"), *(member["values"] if isinstance(member.get("values"), list) else ())]
    return tuple(value for value in values if isinstance(value, str))


def _malformed() -> InvalidRequest:
    return InvalidRequest(
        f"claims must be a JSON object of at most {MAX_LENGTH} characters.", reason=Reason.CLAIMS_REQUEST_MALFORMED
    )
