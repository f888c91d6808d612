"""Client credentials: a program acts for itself, without a person (RFC 6749, 4.4)."""

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
        "Show the secret, get a token",
        "One request, no browser. There is no refresh token: the program can ask again whenever it likes.",
        rfc(6749, "4.4.2"),
        rfc(9068, "2.2"),
    ) as step:
        response: dict[str, Any] = await party.fetch_access_token(grant_type="client_credentials")
        step.tokens.append(tokens.access_token(response))


FLOW = Flow(
    name="client-credentials",
    title="Client credentials",
    summary="A program shows its own id and secret and gets an access token in its own name.",
    suits="Background jobs and services that call other services.",
    not_for="anything that a person does: the token says which program called, and nothing about people.",
    buttons=(Button("client-credentials", "Get a token", fetch_token, primary=True),),
)
