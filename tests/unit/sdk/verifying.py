"""An issuer for tests of verifiers: key set, recorded requests, and a clock that tests control."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from latchkey_sdk.verifier import TokenRefused, TokenVerifier
from latchkey_sdk.verifier.documents import Document, FetchFailed
from libs.crypto.jwt import ACCESS_TOKEN, SigningKey, sign_jwt
from tests.unit.crypto.tokens import AUDIENCE, ISSUED, ISSUER, claims_of, signing_key


@dataclass
class Clock:
    """Used both as seconds since 1970 and as monotonic seconds."""

    time: float = float(ISSUED)

    def __call__(self) -> float:
        return self.time


@dataclass
class Issuer:
    """Serves the documents of the issuer. `asked` has the ETag of every request for the key set."""

    keys: Sequence[SigningKey]
    cache_control: str = "public, max-age=300"
    down: bool = False
    asked: list[str | None] = field(default_factory=list)
    discovered: int = 0
    discovery: dict[str, Any] = field(default_factory=lambda: {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"})

    async def get(self, url: str, etag: str | None) -> Document:
        if url.endswith("/.well-known/openid-configuration"):
            self.discovered += 1
            return Document(200, {}, json.dumps(self.discovery).encode())
        assert url == f"{ISSUER}/jwks"
        self.asked.append(etag)
        if self.down:
            raise FetchFailed("down")
        body = json.dumps({"keys": [key.public_jwk() for key in self.keys]}).encode()
        current = f'"{hash(body)}"'
        headers = {"Cache-Control": self.cache_control, "ETag": current}
        return Document(304, headers) if etag == current else Document(200, headers, body)


def an_issuer(*keys: SigningKey) -> Issuer:
    return Issuer(keys or (signing_key("ES256"), signing_key("RS256")))


def a_verifier(served: Issuer, clock: Clock, **more: Any) -> TokenVerifier:
    arguments: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "get": served.get}
    return TokenVerifier(**arguments | {"clock": clock, "now": clock} | more)


def a_token(key: SigningKey | None = None, **changes: Any) -> str:
    """Return a valid access token with changed claims; None removes a claim."""
    return sign_jwt(claims_of(ACCESS_TOKEN, **changes), key or signing_key("ES256"), typ=ACCESS_TOKEN.typ)


async def reason(verifier: TokenVerifier, token: str) -> str | None:
    """Return why the token is refused; None if it is accepted."""
    try:
        await verifier.verify(token)
    except TokenRefused as refused:
        return refused.reason
    return None
