"""Unsigned JWTs (RFC 7519 6). Separate from `libs.crypto.jwt`, so that they cannot be mistaken for verified ones."""

from typing import Any

from libs.crypto.errors import InvalidJwt
from libs.crypto.strict import base64url_decode, json_object

MAX_BYTES = 8 * 1024


def unsigned_claims(token: str) -> dict[str, Any]:
    """Return the claims of an unsigned JWT. Only for callers that accept claims from any sender.

    Raises:
        InvalidJwt: not an unsigned JWT, for example a signed one.
    """
    header, payload, signature = _parts(token)
    try:
        if json_object(base64url_decode(header)).get("alg") != "none" or signature:
            raise InvalidJwt("SIGNED")
        return json_object(base64url_decode(payload))
    except ValueError:
        raise InvalidJwt("NOT_A_JWT") from None


def _parts(token: str) -> tuple[str, str, str]:
    parts = token.split(".") if len(token) <= MAX_BYTES else []
    if len(parts) != 3:
        raise InvalidJwt("NOT_A_JWT")
    return parts[0], parts[1], parts[2]
