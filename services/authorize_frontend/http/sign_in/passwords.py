"""What the sign-in pages do with a name and a password."""

from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import RequestContext, SignInRequest
from libs.languages.moments import wait_in_words
from libs.oauth.errors import AccessDenied, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import Edge
from services.authorize_frontend.http.shared.parameters import Parameters, of_query, only

Problem = Literal["", "incomplete", "wrong", "too-many", "passkey"]


@dataclass(frozen=True)
class Tried:
    """A session secret, or an attempt that a second step completes, or a problem to show with the page."""

    username: str
    session_secret: str = field(default="", repr=False)
    attempt_secret: str = field(default="", repr=False)
    """In place of a session: there is a second step."""
    problem: Problem = ""
    wait: str = ""
    """How long, in words, before it makes sense to try again."""


async def try_password(edge: Edge, request: web.Request, form: Parameters, *, context: RequestContext) -> Tried:
    """Signs in with what was typed. The session that this browser had ends.

    Raises:
        OAuthError: anything else than a wrong password.
    """
    username, password = only(form, "username"), only(form, "password")
    if not username or not password:
        return Tried(username, problem="incomplete")
    try:
        signed_in = await edge.backends.sessions.SignIn(
            SignInRequest(
                username=username,
                password=password,
                session_secret=edge.cookies.session(request) or "",
                context=context,
            )
        )
    except AccessDenied as error:
        if error.reason != Reason.WRONG_CREDENTIALS:
            raise
        return Tried(username, problem="wrong")
    except TemporarilyUnavailable as error:
        if error.reason != Reason.SIGN_IN_THROTTLED:
            raise
        return Tried(username, problem="too-many", wait=wait_in_words(error.retry_after or 1))
    return Tried(username, session_secret=signed_in.session_secret, attempt_secret=signed_in.attempt_secret)


def arrived(request: web.Request, username: str) -> Tried:
    """The page as it is first shown, or after a passkey that was refused."""
    return Tried(username, problem="passkey" if only(of_query(request), "problem") == "passkey" else "")
