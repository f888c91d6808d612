"""DPoP proofs as an independent library makes them."""

import itertools
from datetime import datetime
from typing import Any

from libs.oauth.dpop import access_token_hash
from services.token.domain.tokens.dpop import DpopHeader
from tests.unit.token.parts import NOON, signed_by, signing_key

TOKEN_URL = "https://token.example/token"
_numbers = itertools.count()


def public_members(which: int = 0, alg: str = "ES256") -> dict[str, str]:
    jwk = signing_key(alg, which).public_jwk()
    return {name: value for name, value in jwk.items() if name not in {"kid", "alg", "use"}}


def jkt_of(which: int = 0) -> str:
    """The `kid` of a generated key is its thumbprint."""
    return signing_key("ES256", which).kid


def a_proof(
    which: int = 0,
    *,
    method: str = "POST",
    url: str = TOKEN_URL,
    token: str | None = None,
    at: datetime = NOON,
    typ: str = "dpop+jwt",
    jwk: Any = None,
    alg: str = "ES256",
    header: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A proof of a key; a claim that is None is left out."""
    made: dict[str, Any] = {"jti": f"proof-{next(_numbers)}", "htm": method, "htu": url, "iat": int(at.timestamp())}
    if token is not None:
        made["ath"] = access_token_hash(token)
    made = {name: value for name, value in {**made, **claims}.items() if value is not None}
    return signed_by(signing_key(alg, which), made, typ=typ, jwk=jwk or public_members(which, alg), **(header or {}))


def a_header(*proofs: str, method: str = "POST", url: str = TOKEN_URL) -> DpopHeader:
    return DpopHeader(method=method, url=url, proofs=proofs)
