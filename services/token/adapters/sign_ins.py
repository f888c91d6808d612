"""Having the authentication service check a password that a client was given."""

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from latchkey.authentication.v1 import accounts_pb2
from latchkey.authentication.v1.sessions_pb2 import RequestContext
from libs.oauth.errors import AccessDenied, InvalidGrant
from services.token.domain.sessions.session import AuthenticatedSession

if TYPE_CHECKING:  # the stubs know the asynchronous face, the module has one for both
    from latchkey.authentication.v1.accounts_pb2_grpc import AccountServiceAsyncStub


@dataclass(frozen=True, kw_only=True)
class RemoteSignIns:
    stub: "AccountServiceAsyncStub"

    async def through_client(
        self, username: str, password: str, *, client_id: str, correlation_id: str
    ) -> AuthenticatedSession:
        """One call. Raises what a token endpoint says: a refusal is invalid_grant there (RFC 6749 5.2)."""
        request = accounts_pb2.SignInThroughClientRequest(
            username=username,
            password=password,
            context=RequestContext(client_id=client_id, correlation_id=correlation_id),
        )
        try:
            session = (await self.stub.SignInThroughClient(request)).session
        except AccessDenied as refusal:
            raise InvalidGrant(refusal.description, reason=refusal.reason) from None
        return AuthenticatedSession(
            session_id=session.session_id,
            user_id=session.user_id,
            authenticated_at=session.authenticated_at.ToDatetime(tzinfo=UTC),
            acr=session.acr,
            amr=tuple(session.amr),
        )
