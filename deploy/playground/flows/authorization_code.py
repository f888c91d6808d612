"""Authorization code with PKCE: the flow of every application that a person uses (RFC 6749 4.1, RFC 7636)."""

from collections.abc import Mapping

from deploy.playground.config import Playground
from deploy.playground.flows import id_token
from deploy.playground.flows.flow import Button, Flow, ResponseMode, Visit
from deploy.playground.flows.logout import nobody_to_sign_out, sign_out
from deploy.playground.flows.refresh import refresh
from deploy.playground.flows.sign_in import Request, SignIn, accept_answer, redeem_code, send_away
from deploy.playground.flows.userinfo import ask_who_it_is, call_userinfo
from deploy.playground.references import rfc
from deploy.playground.sessions import Session

_SCOPE = "openid profile email offline_access"
_SCOPE_OF_SECOND = "openid profile"
_WHY = (
    "The person signs in there, never here: this application sees no password. Along go the hash of a fresh secret "
    "(PKCE) and two random values to recognise the answer by."
)


async def sign_in(visit: Visit) -> str:
    """Send the browser away to sign in to the web app."""
    return await send_away(visit, Request(visit.playground.web, _SCOPE), _come_back, why=_WHY)


async def sign_in_at_second(visit: Visit) -> str:
    """Send the browser away to sign in to another application, which finds it signed in already."""
    return await send_away(visit, Request(visit.playground.second, _SCOPE_OF_SECOND), _come_back, why=_WHY)


async def _come_back(sign_in: SignIn, answer: Mapping[str, str]) -> None:
    """Judge the answer, trade its code for tokens, and find out who it is."""
    run, party = sign_in.run, sign_in.party
    with run.step(
        "authorization-response",
        "The browser comes back",
        "With a code, or with an error. The code alone is worth nothing: it needs this application's secrets too.",
        rfc(6749, "4.1.2"),
        rfc(9207, "2.4"),
    ) as step:
        accept_answer(step, sign_in, answer, "code")
    response = await redeem_code(sign_in, answer["code"])
    await id_token.fetch_keys(run, party)
    claims = await id_token.verify(run, party, response, nonce=sign_in.nonce)
    await ask_who_it_is(run, sign_in.welcome(response, claims))


def _nobody_at_web(playground: Playground, session: Session) -> str | None:
    return None if playground.web.client_id in session.people else "Sign in first."


def _no_refresh_token(playground: Playground, session: Session) -> str | None:
    person = session.people.get(playground.web.client_id)
    if person and not person.tokens.get("refresh_token"):
        return "The server gave no refresh token."
    return _nobody_at_web(playground, session)


def _returns(playground: Playground) -> Mapping[str, ResponseMode]:
    applications = (playground.web, playground.second)
    paths = (*(application.callback_path for application in applications), playground.post_logout_path)
    return dict.fromkeys(paths, ResponseMode.QUERY)


FLOW = Flow(
    name="authorization-code",
    title="Authorization code + PKCE",
    summary="The person signs in at the server; the application gets a one-time code and trades it for tokens.",
    suits="Web, mobile and desktop applications: whenever a person is there and has a browser.",
    not_for="programs that act for themselves, and devices without a browser.",
    buttons=(
        Button("code", "Sign in", sign_in, primary=True),
        Button("second", "Sign in at the second app (SSO)", sign_in_at_second),
        Button("refresh", "Refresh", refresh, _no_refresh_token),
        Button("userinfo", "Call userinfo", call_userinfo, _nobody_at_web),
        Button("logout", "Sign out", sign_out, nobody_to_sign_out),
    ),
    returns=_returns,
)
