"""SessionService: sign-in with a password, the session of a browser and the sessions of its user."""

from datetime import datetime
from typing import Any, TypeAlias

import grpc

from latchkey.authentication.v1 import (
    sessions_pb2,
    sessions_pb2_grpc,
)
from libs.crypto.attestation import attest
from libs.servicekit.grpc.timestamps import to_timestamp
from services.authentication.domain.sessions.session import Session
from services.authentication.domain.sessions.session_list import ListedSession
from services.authentication.rpc.messages import origin_of
from services.authentication.usecases.accounts.change_password import ChangePassword
from services.authentication.usecases.sessions.end_session import EndSession
from services.authentication.usecases.sessions.get_session import GetSession, LiveSession
from services.authentication.usecases.sessions.own_sessions import EndOwnSessions, ListSessions, OwnSessions
from services.authentication.usecases.sign_in.sign_in import Attempt, SecondStep, SignIn

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class SessionRpc(sessions_pb2_grpc.SessionServiceServicer):
    def __init__(
        self,
        *,
        sign_in: SignIn,
        get_session: GetSession,
        end_session: EndSession,
        list_sessions: ListSessions,
        end_own_sessions: EndOwnSessions,
        change_password: ChangePassword,
        attestation_key: bytes,
    ) -> None:
        self._list_sessions = list_sessions
        self._end_own_sessions = end_own_sessions
        self._change_password = change_password
        self._sign_in = sign_in
        self._get_session = get_session
        self._end_session = end_session
        self._attestation_key = attestation_key

    async def SignIn(self, request: sessions_pb2.SignInRequest, context: _Context) -> sessions_pb2.SignInResponse:
        signed_in = await self._sign_in(
            Attempt(
                username=request.username,
                password=request.password,
                session_secret=request.session_secret,
                origin=origin_of(request.context),
            )
        )
        if isinstance(signed_in, SecondStep):
            return sessions_pb2.SignInResponse(attempt_secret=signed_in.attempt_secret)
        return sessions_pb2.SignInResponse(
            session_secret=signed_in.session_secret, session=to_session(signed_in.session)
        )

    async def GetSession(
        self, request: sessions_pb2.GetSessionRequest, context: _Context
    ) -> sessions_pb2.GetSessionResponse:
        live = await self._get_session(request.session_secret)
        return to_live_session(live, attestation_key=self._attestation_key)

    async def EndSession(
        self, request: sessions_pb2.EndSessionRequest, context: _Context
    ) -> sessions_pb2.EndSessionResponse:
        ended = await self._end_session(request.session_secret, origin=origin_of(request.context))
        return sessions_pb2.EndSessionResponse(session_id=ended or "")

    async def ListSessions(
        self, request: sessions_pb2.ListSessionsRequest, context: _Context
    ) -> sessions_pb2.ListSessionsResponse:
        return to_own_sessions(await self._list_sessions(request.session_secret))

    async def EndOwnSessions(
        self, request: sessions_pb2.EndOwnSessionsRequest, context: _Context
    ) -> sessions_pb2.EndOwnSessionsResponse:
        ended = await self._end_own_sessions(request.session_secret, request.session_id or None)
        return sessions_pb2.EndOwnSessionsResponse(ended=ended)

    async def ChangePassword(
        self, request: sessions_pb2.ChangePasswordRequest, context: _Context
    ) -> sessions_pb2.ChangePasswordResponse:
        await self._change_password(
            request.session_secret,
            request.current_password,
            request.new_password,
            origin=origin_of(request.context),
        )
        return sessions_pb2.ChangePasswordResponse()


def to_session(session: Session, *, attested_at: datetime | None = None) -> sessions_pb2.Session:
    return sessions_pb2.Session(
        session_id=session.id,
        user_id=session.user_id,
        authenticated_at=to_timestamp(session.authenticated_at),
        acr=session.acr,
        amr=session.amr,
        attested_at=None if attested_at is None else to_timestamp(attested_at),
    )


def to_live_session(live: LiveSession | None, *, attestation_key: bytes) -> sessions_pb2.GetSessionResponse:
    """Return the session, and the same session with a MAC that only the token service can verify."""
    if live is None:
        return sessions_pb2.GetSessionResponse()
    session = to_session(live.session, attested_at=live.at)
    serialized = session.SerializeToString(deterministic=True)
    return sessions_pb2.GetSessionResponse(
        session=session,
        attested=sessions_pb2.AttestedSession(session=serialized, mac=attest(attestation_key, serialized)),
        display_name=live.account.display_name,
        username=live.account.username,
        signed_in_recently=live.is_recent,
    )


def to_own_sessions(own: OwnSessions) -> sessions_pb2.ListSessionsResponse:
    return sessions_pb2.ListSessionsResponse(
        sessions=[to_listed_session(each, current_id=own.current_id) for each in own.sessions]
    )


def to_listed_session(listed: ListedSession, *, current_id: str = "") -> sessions_pb2.ListedSession:
    return sessions_pb2.ListedSession(
        session_id=listed.session.id,
        authenticated_at=to_timestamp(listed.session.authenticated_at),
        last_seen_at=to_timestamp(listed.session.last_seen_at),
        ip_prefix=listed.ip_prefix,
        device=listed.device,
        is_current=listed.session.id == current_id,
    )
