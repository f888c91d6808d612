"""Authorization code with PKCE: the flow of every application with end-users (RFC 6749 4.1, RFC 7636)."""

from collections.abc import Mapping

from deploy.playground.config import Playground
from deploy.playground.flows import id_token
from deploy.playground.flows.flow import Button, Flow, ResponseMode, Visit
from deploy.playground.flows.logout import sign_out, why_sign_out_is_unavailable
from deploy.playground.flows.refresh import refresh
from deploy.playground.flows.sign_in import Request, SignIn, accept_answer, redeem_code, send_away
from deploy.playground.flows.userinfo import ask_who_it_is, call_userinfo
from deploy.playground.references import rfc
from deploy.playground.sessions import Session

_SCOPE = "openid profile email offline_access"
_SCOPE_OF_SECOND = "openid profile"
_WHY = (
    "The user signs in at the server, so this application never gets the password. The request has the hash of a new "
    "secret (PKCE) and two random values that the application compares with the response."
)


async def sign_in(visit: Visit) -> str:
    """Redirect the browser to the server to sign in to the web app."""
    return await send_away(visit, Request(visit.playground.web, _SCOPE), _come_back, why=_WHY)


async def sign_in_at_second(visit: Visit) -> str:
    """Redirect the browser to the server for a second application, which reuses the server's session."""
    return await send_away(visit, Request(visit.playground.second, _SCOPE_OF_SECOND), _come_back, why=_WHY)


async def _come_back(sign_in: SignIn, answer: Mapping[str, str]) -> None:
    """Check the response, redeem its code for tokens and call userinfo."""
    run, party = sign_in.run, sign_in.party
    with run.step(
        "authorization-response",
        "The browser comes back",
        "The response has a code or an error. The code is useless without this application's secrets.",
        rfc(6749, "4.1.2"),
        rfc(9207, "2.4"),
    ) as step:
        accept_answer(step, sign_in, answer, "code")
    response = await redeem_code(sign_in, answer["code"])
    await id_token.fetch_keys(run, party)
    claims = await id_token.verify(run, party, response, nonce=sign_in.nonce)
    await ask_who_it_is(run, sign_in.welcome(response, claims))


def _sign_in_missing(playground: Playground, session: Session) -> str | None:
    return None if playground.web.client_id in session.users else "Sign in first."


def _no_refresh_token(playground: Playground, session: Session) -> str | None:
    user = session.users.get(playground.web.client_id)
    if user and not user.tokens.get("refresh_token"):
        return "The server issued no refresh token."
    return _sign_in_missing(playground, session)


def _returns(playground: Playground) -> Mapping[str, ResponseMode]:
    applications = (playground.web, playground.second)
    paths = (*(application.callback_path for application in applications), playground.post_logout_path)
    return dict.fromkeys(paths, ResponseMode.QUERY)


FLOW = Flow(
    name="authorization-code",
    title="Authorization code + PKCE",
    summary="The user signs in at the server; the application gets a single-use code and redeems it for tokens.",
    suits="Web, mobile and desktop applications whose users have a browser.",
    not_for="programs that act without a user, and devices without a browser.",
    buttons=(
        Button("code", "Sign in", sign_in, primary=True),
        Button("second", "Sign in at the second app (SSO)", sign_in_at_second),
        Button("refresh", "Refresh", refresh, _no_refresh_token),
        Button("userinfo", "Call userinfo", call_userinfo, _sign_in_missing),
        Button("logout", "Sign out", sign_out, why_sign_out_is_unavailable),
    ),
    returns=_returns,
)
