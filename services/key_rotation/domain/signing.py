"""Rules for tokens that key-rotation signs for a token service without private keys.

The token service sends claims, not a digest or a signing input. So a compromised token service cannot get signatures on
tokens of another kind, with a future date or with a lifetime beyond every revocation.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from libs.crypto.token_kinds import KINDS_BY_TYP, MAX_SKEW
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.key_rotation.domain.keys import SIGNING, Key
from services.key_rotation.domain.rotation_policy import CLOCK_ERROR

REFUSED: Final = Reason.CLAIMS_REFUSED
MAX_TOKEN_LIFETIME: Final = timedelta(days=1)
"""Maximum token lifetime, whatever the caller requests: the maximum of the settings of the token service."""
_SECOND: Final = timedelta(seconds=1)


def signer(keys: Iterable[Key], alg: str, *, now: datetime) -> Key | None:
    """Return the key that signs now: the active key, or the next key from its `activates_at` on."""
    started = [
        (key.activates_at, key)
        for key in keys
        if key.alg == alg and key.state in SIGNING and key.activates_at is not None and key.activates_at <= now
    ]
    return max(started, key=lambda entry: entry[0])[1] if started else None


def require_signable(
    claims: Mapping[str, Any], typ: str, *, issuer: str, max_lifetime: timedelta, now: datetime
) -> None:
    """Check kind, issuer, issue time and lifetime of a token. `sign_jwt` checks the claims that its kind needs.

    Raises InvalidRequest (CLAIMS_REFUSED).
    """
    if typ not in KINDS_BY_TYP:
        raise InvalidRequest("typ is not a kind of token that Latchkey issues.", reason=REFUSED)
    if claims.get("iss") != issuer:
        raise InvalidRequest("iss does not match the issuer.", reason=REFUSED)
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or abs(now.timestamp() - issued) > (CLOCK_ERROR + MAX_SKEW).total_seconds():
        raise InvalidRequest("iat is too far from the current time.", reason=REFUSED)
    if "nbf" in claims:
        raise InvalidRequest("nbf is not permitted.", reason=REFUSED)
    longest = (min(max_lifetime, MAX_TOKEN_LIFETIME) + _SECOND).total_seconds()
    if expires is not None and (type(expires) is not int or not issued < expires <= issued + longest):
        raise InvalidRequest("exp is beyond the time for which the key stays published.", reason=REFUSED)
