"""Sign-in with username and password, for every sign-in page."""

from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import RequestContext, SignInRequest
from libs.languages.moments import wait_in_words
from libs.oauth.errors import AccessDenied, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import Edge
from services.authorize_frontend.http.shared.parameters import Parameters, of_query, single_value
from services.authorize_frontend.http.shared.refusals import Refusals

_REFUSALS: Final = Refusals(
    rpc="SignIn", shown={Reason.WRONG_CREDENTIALS: "wrong", Reason.SIGN_IN_THROTTLED: "too-many"}
)


@dataclass(frozen=True)
class SignInResult:
    """The secret of a new session, or of an attempt that needs a second step, or a problem that the page shows."""

    username: str
    session_secret: str = field(default="", repr=False)
    attempt_secret: str = field(default="", repr=False)
    """Set in place of session_secret if the user has a second factor."""
    problem: str = ""
    """`incomplete`, `wrong`, `too-many` or `passkey`; empty if there is none."""
    wait: str = ""
    """For `too-many`: the time until the next attempt is possible, translated."""


async def sign_in_with_password(
    edge: Edge, request: web.Request, form: Parameters, *, context: RequestContext
) -> SignInResult:
    """Signs in with the username and password of the form. The browser's present session ends.

    Raises:
        OAuthError: for another reason than wrong credentials or too many attempts.
    """
    username, password = single_value(form, "username"), single_value(form, "password")
    if not username or not password:
        return SignInResult(username, problem="incomplete")
    message = SignInRequest(
        username=username,
        password=password,
        session_secret=edge.cookies.session(request) or "",
        context=context,
    )
    try:
        signed_in = await edge.backends.sessions.SignIn(message)
    except (AccessDenied, TemporarilyUnavailable) as error:
        problem = _REFUSALS.shown_for(error)
        return SignInResult(username, problem=problem, wait=wait_in_words(error.retry_after or 1))
    return SignInResult(username, session_secret=signed_in.session_secret, attempt_secret=signed_in.attempt_secret)


def empty_form(request: web.Request, username: str) -> SignInResult:
    """Returns the state of the page before a password was sent, or after a passkey was refused."""
    return SignInResult(username, problem="passkey" if single_value(of_query(request), "problem") == "passkey" else "")
