"""Password: the application asks for the person's password itself (RFC 6749 4.3; forbidden by RFC 9700 2.4)."""

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
    """Trade a demo person's password, which this application should not know, for tokens."""
    application = visit.playground.password
    run = visit.start(f"Sign in at the {application.name}")
    party = RelyingParty(visit.playground.issuer, application)
    await discover(run, party)
    with run.step(
        "token",
        "Show the person's password, get tokens",
        "No page of the server, no consent, no second factor: the application has asked for the password itself and "
        "could do with it what it likes. The server answers clients that an operator has registered for this, and no "
        "others, and lets who guesses wait as on the sign-in page.",
        rfc(6749, "4.3.2"),
        rfc(9700, "2.4"),
    ) as step:
        response: dict[str, Any] = await party.fetch_access_token(
            grant_type="password", username=_USERNAME, password=USERS[_USERNAME][0], scope=_SCOPE
        )
        step.tokens += [tokens.access_token(response), *tokens.refresh_token(response)]
    await id_token.fetch_keys(run, party)
    claims = await id_token.verify(run, party, response, nonce=None)
    person = SignedIn(application, party, response, claims)
    visit.session.people[party.client_id] = person
    await ask_who_it_is(run, person)


FLOW = Flow(
    name="password",
    title="Password",
    summary="The application asks for the person's password itself and trades it for tokens.",
    suits="Applications that cannot be changed any more, on the way to another flow.",
    not_for="anything else: the application sees all passwords, and no second factor can be asked for. RFC 9700 "
    "forbids it.",
    buttons=(Button("password", f"Sign in as {_USERNAME}", sign_in, primary=True),),
)
