"""Pages that need a session with a recent sign-in."""

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from services.authorize_frontend.http.shared.edge import Edge, see_other
from services.authorize_frontend.http.shared.return_target import ACCOUNT, ACCOUNT_SIGN_IN, account_page


def redirect_to_sign_in(edge: Edge, *, to: str = ACCOUNT) -> web.Response:
    """Redirects to the sign-in page, which leads back to `to`: a page of the account, without the issuer's path."""
    page = account_page(to)
    return see_other(edge.site.path(ACCOUNT_SIGN_IN, **({"to": page} if page != ACCOUNT else {})))


async def recent_session(edge: Edge, request: web.Request) -> GetSessionResponse | None:
    """Returns the session if its sign-in is recent enough for sensitive changes, else None.

    The authentication service decides that, here and again when the change is made.
    """
    session = await edge.session(request)
    return session if session.HasField("session") and session.signed_in_recently else None
