"""JWTs signed with a shared secret (HS256, RFC 7518 3.2), for `client_secret_jwt` only.

Separate from `libs.crypto.jwt`, so that a public key cannot be used as a secret, nor a secret as a key.
"""

import hmac
from typing import Final

from libs.crypto.jwt import UnverifiedJwt
from libs.crypto.strict import base64url_decode

ALG: Final = "HS256"
MIN_SECRET_BYTES: Final = 32
"""RFC 7518 3.2: as long as the digest."""


def is_made_with(token: UnverifiedJwt, secret: str) -> bool:
    """Return whether the token is signed with this secret. Does not check the claims.

    Raises ValueError if the secret is shorter than 32 bytes.
    """
    key = secret.encode()
    if len(key) < MIN_SECRET_BYTES:
        raise ValueError("the secret is shorter than 32 bytes")
    content, _, signature = token.text.rpartition(".")
    expected = hmac.digest(key, content.encode("ascii"), "sha256")
    return token.header.get("alg") == ALG and hmac.compare_digest(base64url_decode(signature), expected)
