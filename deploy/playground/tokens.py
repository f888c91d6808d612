"""Tokens decoded for display, without verification."""

import base64
import json
from typing import Any

from deploy.playground.transcript import TokenView

_FIRST = ("iss", "sub", "aud", "iat", "exp", "auth_time", "nonce")
_OPAQUE = "Opaque: a random value that only the server can resolve."


def view(title: str, token: str, note: str) -> TokenView:
    """Header and claims of a JWT, without its signature; an opaque token has neither.

    Nothing is verified here: what the application relies on comes from `RelyingParty.validate_id_token`.
    """
    try:
        unverified_header, unverified_claims = (_decoded(part) for part in token.split(".")[:2])
    except (ValueError, TypeError):
        return TokenView(title, f"{note} {_OPAQUE}".strip())
    return TokenView(title, note, unverified_header, _in_order(unverified_claims))


def _in_order(claims: dict[str, Any]) -> dict[str, Any]:
    """What every token has comes first; a server writes its claims in any order."""
    return {name: claims[name] for name in (*_FIRST, *claims) if name in claims}


def _decoded(part: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def access_token(response: dict[str, Any]) -> TokenView:
    """The access token of a token response."""
    return view(
        "Access token",
        str(response.get("access_token", "")),
        "For the API: the application must not interpret it (RFC 9068). Decoded here for inspection only.",
    )


def id_token(response: dict[str, Any]) -> TokenView:
    """The ID token of a token response."""
    return view(
        "ID token",
        str(response.get("id_token", "")),
        "Tells this application who signed in, when and how. Verified below before it is used.",
    )


def refresh_token(response: dict[str, Any]) -> list[TokenView]:
    """The refresh token of a token response, if it has one."""
    if not response.get("refresh_token"):
        return []
    return [view("Refresh token", str(response["refresh_token"]), "Single use: redeem it for the next access token.")]
