"""Signatures by key-rotation, for those whose private keys may not leave it (`LATCHKEY_SIGNING=remote`).

The view of the keys is the same as of a replica that has them: too old a view signs nothing, and a token whose key this
replica knows to be revoked is not given out.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from google.protobuf.duration_pb2 import Duration

from latchkey.keys.v1 import keys_pb2
from libs.crypto.errors import InvalidJwt
from libs.crypto.jwt import KeySet, unverified_jwt
from libs.oauth.errors import OAuthError, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs
from services.token.adapters.signing_keys import KeyView
from services.token.domain.tokens.retired_keys import PresentedAs

if TYPE_CHECKING:  # the stubs know the asynchronous face, the module has one for both
    from latchkey.keys.v1.keys_pb2_grpc import SigningServiceAsyncStub

_log = logs.get(__name__)


class RemoteSigning:
    """The Keys port.

    Args:
        view: without private keys.
        seconds: how long a signature is waited for.
    """

    def __init__(
        self, view: KeyView, stub: "SigningServiceAsyncStub", *, verifiable_for: timedelta, seconds: float
    ) -> None:
        self._view = view
        self._stub = stub
        self._verifiable_for = Duration()
        self._verifiable_for.FromTimedelta(verifiable_for)
        self._seconds = seconds

    async def sign(self, claims: Mapping[str, Any], *, alg: str, typ: str, now: datetime) -> str:
        """Raises TemporarilyUnavailable for every failure: the code or refresh token has not been redeemed yet."""
        self._view.require_fresh(now)
        request = keys_pb2.SignRequest(
            alg=alg,
            typ=typ,
            claims=json.dumps(claims, separators=(",", ":"), allow_nan=False).encode(),
            verifiable_for=self._verifiable_for,
        )
        try:
            token = (await self._stub.Sign(request, timeout=self._seconds)).token
        except TemporarilyUnavailable:
            raise
        except OAuthError as error:  # key-rotation rejects the claims or the time of the token
            _log.error(
                "token_signing.refused", message="key-rotation refused to sign a token", typ=typ, reason=error.reason
            )
            raise TemporarilyUnavailable(reason=Reason.SIGNATURE_REFUSED, retry_after=5) from error
        self._require_known(token)
        return token

    def _require_known(self, token: str) -> None:
        """Raises TemporarilyUnavailable unless the key that signed the token is in the published key set."""
        try:
            kid = str(unverified_jwt(token)[0].get("kid"))
        except InvalidJwt:
            kid = ""
        if not self._view.publishes(kid):
            raise TemporarilyUnavailable(reason=Reason.KEY_UNKNOWN, retry_after=1)

    def record_presented(self, token: str, presented_as: PresentedAs) -> None:
        self._view.record_presented(token, presented_as)

    @property
    def verification(self) -> KeySet:
        """Raises TemporarilyUnavailable before the first view."""
        return self._view.verification
