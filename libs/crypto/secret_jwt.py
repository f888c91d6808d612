"""JWTs made with a shared secret (HS256, RFC 7518 3.2): how clients use `client_secret_jwt`, and nothing else does.

Apart from `libs.crypto.jwt`, so that no public key is ever taken for a secret and no secret for a key.
"""

import hmac
from typing import Final

from libs.crypto.errors import InvalidJwt
from libs.crypto.jwt import unverified_jwt
from libs.crypto.strict import base64url_decode

ALG: Final = "HS256"
MIN_SECRET_BYTES: Final = 32
"""RFC 7518 3.2: as long as the digest."""


def is_made_with(token: str, secret: str) -> bool:
    """Was it made with this very secret? Says nothing about the claims.

    Raises ValueError for a secret that is too short to be one.
    """
    key = secret.encode()
    if len(key) < MIN_SECRET_BYTES:
        raise ValueError("a secret shorter than 32 bytes")
    try:
        header, _ = unverified_jwt(token)
    except InvalidJwt:
        return False
    content, _, signature = token.rpartition(".")
    expected = hmac.digest(key, content.encode("ascii"), "sha256")
    return header.get("alg") == ALG and hmac.compare_digest(base64url_decode(signature), expected)
