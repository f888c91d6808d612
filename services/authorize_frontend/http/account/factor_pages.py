"""What the pages about second factors share: who may see them, and where they lead when all is done."""

from dataclasses import dataclass

from aiohttp import web

from latchkey.authentication.v1.factors_pb2 import ListFactorsRequest
from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from services.authorize_frontend.http.account.sign_in import sign_in_again
from services.authorize_frontend.http.shared.edge import Edge, see_other
from services.authorize_frontend.http.shared.parameters import Parameters, is_opaque, only
from services.authorize_frontend.http.shared.return_target import ACCOUNT

AUTHENTICATOR = "/account/authenticator"
PASSKEY = "/account/passkey"
RECOVERY_CODES = "/account/recovery-codes"


@dataclass(frozen=True)
class Errand:
    """Why the person is here: of their own accord, or for an application that asks for a second factor."""

    request_id: str = ""
    """Of the application's request, which goes on afterwards; empty when there is none."""

    @classmethod
    def of(cls, parameters: Parameters) -> "Errand":
        request_id = only(parameters, "request")
        return cls(request_id if is_opaque(request_id) else "")

    @property
    def parameters(self) -> dict[str, str]:
        """What carries it to the next page."""
        return {"request": self.request_id} if self.request_id else {}

    def done(self, edge: Edge) -> str:
        """Where to go when all is done."""
        if self.request_id:
            return edge.site.path("/authorize/resume", request=self.request_id)
        return edge.site.path(ACCOUNT)

    def given_up(self, edge: Edge) -> str:
        if self.request_id:
            return edge.site.path("/step-up", request=self.request_id)
        return edge.site.path(ACCOUNT)

    def sign_in_first(self, edge: Edge, page: str) -> web.Response:
        """To the sign-in, and from there back to `page`."""
        if self.request_id:
            return see_other(edge.site.path("/sign-in", request=self.request_id))
        return sign_in_again(edge, to=page)


async def recent_session(edge: Edge, request: web.Request) -> GetSessionResponse | None:
    """The session, if its sign-in is recent enough for what an account hangs on.

    The authentication service judges that, here and again when something is to be changed.
    """
    session = await edge.session(request)
    return session if session.HasField("session") and session.signed_in_recently else None


async def after_adding(edge: Edge, errand: Errand, session_secret: str) -> web.Response:
    """A new factor counts, and the session has another secret. Who has no recovery codes is shown to them next."""
    own = await edge.backends.factors.ListFactors(ListFactorsRequest(session_secret=session_secret))
    has_codes = own.recovery_codes_left > 0
    response = see_other(errand.done(edge) if has_codes else edge.site.path(RECOVERY_CODES, **errand.parameters))
    edge.cookies.set_session(response, session_secret)
    return response
