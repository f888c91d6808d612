"""Verifies an id_token_hint, at the authorization endpoint and at the logout endpoint."""

from datetime import datetime
from typing import Any

from libs.crypto.jwt import verify_jwt
from libs.crypto.token_kinds import ID_TOKEN_HINT
from services.token.domain.tokens.retired_keys import PresentedAs
from services.token.ports.tokens import Keys


def verify_id_token_hint(hint: str, keys: Keys, *, issuer: str, now: datetime) -> dict[str, Any]:
    """Return the claims of an ID token of this issuer; it may have expired. Raises InvalidJwt."""
    keys.record_presented(hint, PresentedAs.ID_TOKEN_HINT)
    return verify_jwt(hint, keys.verification, kind=ID_TOKEN_HINT, issuer=issuer, audience=None, now=now)
