"""The `claims` request parameter: single claims, asked for by name (OpenID Connect Core 5.5)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.oauth.scopes import CLAIMS_OF_SCOPE

MAX_LENGTH = 4_096
_KNOWN = frozenset(claim for claims in CLAIMS_OF_SCOPE.values() for claim in claims)


@dataclass(frozen=True)
class ClaimsRequest:
    """Claims about the person that are asked for by name; what is not known is passed over (5.5.1)."""

    userinfo: tuple[str, ...] = ()
    id_token: tuple[str, ...] = ()
    acr: tuple[str, ...] = ()
    """Values of `acr` of which one is essential."""
    subjects: frozenset[str] = field(default_factory=frozenset)
    """Values of `sub` of which the person must have one; empty: anybody."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Scope values that stand for these claims: what the person is asked about."""
        asked = {*self.userinfo, *self.id_token}
        return tuple(scope for scope, claims in CLAIMS_OF_SCOPE.items() if asked.intersection(claims))


def parse_claims_request(text: str) -> ClaimsRequest:
    """Reads the parameter.

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
        id_token=tuple(name for name in id_token if name in _KNOWN),
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
    """`value` and `values` of one claim (5.5.1)."""
    if not isinstance(member, dict):
        return ()
    values = [member.get("value"), *(member["values"] if isinstance(member.get("values"), list) else ())]
    return tuple(value for value in values if isinstance(value, str))


def _malformed() -> InvalidRequest:
    return InvalidRequest(
        f"claims must be a JSON object of at most {MAX_LENGTH} characters.", reason=Reason.CLAIMS_REQUEST_MALFORMED
    )
