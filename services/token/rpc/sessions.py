"""Attested sessions in gRPC requests."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from latchkey.authentication.v1 import sessions_pb2
from libs.crypto.attestation import verify_attestation
from libs.oauth.errors import ServerError
from libs.oauth.reasons import Reason
from libs.servicekit.grpc.timestamps import datetime_of
from services.token.domain.sessions.session import AuthenticatedSession

ATTESTATION_LIFETIME = timedelta(seconds=60)


def session_of(request: Any, *, attestation_keys: Sequence[bytes], now: datetime) -> AuthenticatedSession | None:
    """Return the attested session of a request, or None when the request has no session.

    Raises:
        ServerError: the attestation is invalid or older than ATTESTATION_LIFETIME.
    """
    if not request.HasField("session"):
        return None
    return attested_session(request.session, attestation_keys=attestation_keys, lifetime=ATTESTATION_LIFETIME, now=now)


def attested_session(
    attested: sessions_pb2.AttestedSession, *, attestation_keys: Sequence[bytes], lifetime: timedelta, now: datetime
) -> AuthenticatedSession:
    """Return a session attested at most `lifetime` ago. Raises ServerError otherwise."""
    if not any(verify_attestation(key, attested.session, attested.mac) for key in attestation_keys):
        raise ServerError(reason=Reason.SESSION_NOT_ATTESTED, redirectable=False)
    session = sessions_pb2.Session.FromString(attested.session)
    if abs(now - datetime_of(session.attested_at)) > lifetime:
        raise ServerError(reason=Reason.SESSION_ATTESTATION_STALE, redirectable=False)
    return AuthenticatedSession(
        session_id=session.session_id,
        user_id=session.user_id,
        authenticated_at=datetime_of(session.authenticated_at),
        acr=session.acr,
        amr=tuple(session.amr),
    )
