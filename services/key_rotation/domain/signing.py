"""What is signed here for a token service that has no private keys: nothing but tokens that it may make, now.

A signer of digests, or of signing inputs, would sign for whoever has taken over a token service what no token service
ever makes: a token of another kind, one dated next year, one that outlives every revocation. So claims are judged, and
header and signing input are made here.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from libs.crypto.token_kinds import KINDS_BY_TYP, MAX_SKEW
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.key_rotation.domain.keys import SIGNING, Key
from services.key_rotation.domain.waits import CLOCK_ERROR

REFUSED: Final = Reason.CLAIMS_REFUSED
LONGEST_LIFE: Final = timedelta(days=1)
"""Of a token, whatever the caller says of itself: the longest that the token service can be told to give."""
_SECOND: Final = timedelta(seconds=1)


def signer(keys: Iterable[Key], alg: str, *, now: datetime) -> Key | None:
    """The key of the algorithm whose turn came last: the active one, or the next one once its moment is there."""
    started = [
        (key.activates_at, key)
        for key in keys
        if key.alg == alg and key.state in SIGNING and key.activates_at is not None and key.activates_at <= now
    ]
    return max(started, key=lambda entry: entry[0])[1] if started else None


def require_ours(claims: Mapping[str, Any], typ: str, *, issuer: str, lives: timedelta, now: datetime) -> None:
    """Claims of a kind of token that we make, of this issuer, from now on, for no longer than `lives` nor LONGEST_LIFE.

    Members that the kind needs or must not have are looked at by whoever signs. Raises InvalidRequest (CLAIMS_REFUSED).
    """
    if typ not in KINDS_BY_TYP:
        raise InvalidRequest("Not a kind of token that is made here.", reason=REFUSED)
    if claims.get("iss") != issuer:
        raise InvalidRequest("The issuer is another one.", reason=REFUSED)
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or abs(now.timestamp() - issued) > (CLOCK_ERROR + MAX_SKEW).total_seconds():
        raise InvalidRequest("The token is not from now.", reason=REFUSED)
    if "nbf" in claims:
        raise InvalidRequest("No token of ours waits.", reason=REFUSED)
    longest = (min(lives, LONGEST_LIFE) + _SECOND).total_seconds()
    if expires is not None and (type(expires) is not int or not issued < expires <= issued + longest):
        raise InvalidRequest("The token lives longer than its key.", reason=REFUSED)
