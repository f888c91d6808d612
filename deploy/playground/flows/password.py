"""Password: the application asks for the user's password (RFC 6749 4.3; forbidden by RFC 9700 2.4)."""

from typing import Any

from deploy.local.demo import USERS
from deploy.playground import tokens
from deploy.playground.flows import id_token
from deploy.playground.flows.discovery import discover
from deploy.playground.flows.flow import Button, Flow, Visit
from deploy.playground.flows.userinfo import ask_who_it_is
from deploy.playground.references import rfc
from deploy.playground.relying_party import RelyingParty
from deploy.playground.sessions import SignedIn

_USERNAME = "alice"
_SCOPE = "openid profile email"


async def sign_in(visit: Visit) -> None:
    """Send a demo user's password to the token endpoint and get tokens."""
    application = visit.playground.password
    run = visit.start(f"Sign in at the {application.name}")
    party = RelyingParty(visit.playground.issuer, application)
    await discover(run, party)
    with run.step(
        "token",
        "Send the user's password, get tokens",
        "There is no page of the server, no consent and no second factor: the application asked for the password and "
        "could misuse it. The server accepts this grant only from clients that an operator registered for it, "
        "and limits failed attempts as on the sign-in page.",
        rfc(6749, "4.3.2"),
        rfc(9700, "2.4"),
    ) as step:
        response: dict[str, Any] = await party.fetch_access_token(
            grant_type="password", username=_USERNAME, password=USERS[_USERNAME][0], scope=_SCOPE
        )
        step.tokens += [tokens.access_token(response), *tokens.refresh_token(response)]
    await id_token.fetch_keys(run, party)
    claims = await id_token.verify(run, party, response, nonce=None)
    user = SignedIn(application, party, response, claims)
    visit.session.users[party.client_id] = user
    await ask_who_it_is(run, user)


FLOW = Flow(
    name="password",
    title="Password",
    summary="The application asks for the user's password and sends it to the token endpoint.",
    suits="Old applications until they are migrated to another flow.",
    not_for="other applications: the application gets all passwords; two-step verification is impossible. RFC 9700 "
    "forbids it.",
    buttons=(Button("password", f"Sign in as {_USERNAME}", sign_in, primary=True),),
)
