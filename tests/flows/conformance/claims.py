"""The rules of the conformance suite for claims in ID tokens and userinfo."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

import httpx2
from joserfc import jws, jwt
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64encode

from tests.support.stack import Stack

SKEW = 300
PROFILE = (
    *("name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture"),
    *("website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
)
OF_SCOPE = {
    "profile": PROFILE,
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}
PROTOCOL = {
    *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "nbf", "jti"),
    *("sid", "s_hash", "txn"),
}
_BOOLEANS = {"email_verified", "phone_number_verified"}
_BIRTHDATE = re.compile(r"(\d{4})(-\d{2}-\d{2})?")
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


class Claims(dict[str, Any]):
    def require_of_scope(self, *scopes: str) -> None:
        """Asserts that every claim of these scopes is present (OpenID Connect Core, 5.4)."""
        missing = [name for scope in scopes for name in OF_SCOPE[scope] if name not in self]
        assert not missing, missing

    def require_standard_values(self) -> None:
        """OpenID Connect Core, 5.1: claims without a value are omitted."""
        for name in {name for names in OF_SCOPE.values() for name in names} & self.keys():
            value = self[name]
            if name in _BOOLEANS:
                assert type(value) is bool, name
            elif name == "updated_at":
                assert datetime(1990, 1, 1, tzinfo=UTC).timestamp() < value < _now() + SKEW
            elif name == "address":
                assert value, "an empty address"
                assert all(isinstance(part, str) and part.strip() for part in value.values()), value
            else:
                assert isinstance(value, str), name
                assert value.strip(), name
                assert value != "null", name
        if "birthdate" in self:
            year, day = _BIRTHDATE.fullmatch(self["birthdate"]).groups()  # type: ignore[union-attr]
            assert year == "0000" or 1850 <= int(year) <= datetime.now(UTC).year
            assert day is None or datetime.fromisoformat(("2000" if year == "0000" else year) + day)

    def require_hash(self, name: str, value: str, *, required: bool) -> None:
        """at_hash or c_hash of a token signed with RS256 or ES256 (OpenID Connect Core 3.3.2.11)."""
        assert name in self or not required, name
        if name in self:
            assert self[name] == urlsafe_b64encode(hashlib.sha256(value.encode()).digest()[:16]).decode()


async def verified_id_token(system: Stack, text: str, *, audience: str, nonce: str | None) -> Claims:
    header = jws.extract_compact(text.encode()).headers()
    keys: list[Any] = [key for key in await published_keys(system) if key["kid"] == header["kid"]]
    assert len(keys) == 1, header
    assert keys[0].get("alg", header["alg"]) == header["alg"]
    claims = Claims(jwt.decode(text, KeySet.import_key_set({"keys": keys}), algorithms=[header["alg"]]).claims)
    now = _now()
    assert claims["iss"] == system.issuer
    assert claims["aud"] == audience or audience in claims["aud"]
    assert now - SKEW < claims["exp"]
    assert abs(now - claims["iat"]) < SKEW
    assert 0 < len(claims["sub"]) <= 255
    assert claims["sub"].isascii()
    assert claims["sub"].isprintable()
    assert claims.get("nonce") == nonce
    assert now - 31_536_000 < claims["auth_time"] <= now + SKEW
    assert isinstance(claims["acr"], str)
    assert claims["acr"]
    claims.require_standard_values()
    return claims


async def published_keys(system: Stack) -> list[dict[str, str]]:
    """RFC 7517, 5: keys have a kid and are public."""
    async with httpx2.AsyncClient() as client:
        keys: list[dict[str, str]] = (await client.get(f"{system.issuer}/jwks")).json()["keys"]
    kids = [key["kid"] for key in keys]
    assert all(kids)
    assert len(set(kids)) == len(kids)
    for key in keys:
        assert _PRIVATE.isdisjoint(key)
        assert key["kty"] in {"RSA", "EC"}
        assert key.get("use", "sig") == "sig"
    return keys


def _now() -> float:
    return datetime.now(UTC).timestamp()
