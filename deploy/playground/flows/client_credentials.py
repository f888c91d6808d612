"""Client credentials: a program gets a token without a user (RFC 6749, 4.4)."""

from typing import Any

from deploy.playground import tokens
from deploy.playground.flows.discovery import discover
from deploy.playground.flows.flow import Button, Flow, Visit
from deploy.playground.references import rfc
from deploy.playground.relying_party import RelyingParty


async def fetch_token(visit: Visit) -> None:
    """Get an access token for the machine client."""
    run = visit.start("Get a token")
    party = RelyingParty(visit.playground.issuer, visit.playground.machine)
    await discover(run, party)
    with run.step(
        "token",
        "Authenticate and get a token",
        "One request without a browser. There is no refresh token: the program can request a new token at any time.",
        rfc(6749, "4.4.2"),
        rfc(9068, "2.2"),
    ) as step:
        response: dict[str, Any] = await party.fetch_access_token(grant_type="client_credentials")
        step.tokens.append(tokens.access_token(response))


FLOW = Flow(
    name="client-credentials",
    title="Client credentials",
    summary="A program authenticates with its client id and secret and gets an access token.",
    suits="Background jobs and services that call other services.",
    not_for="actions of a user: the token identifies the program and no user.",
    buttons=(Button("client-credentials", "Get a token", fetch_token, primary=True),),
)
