"""New tokens without the person (RFC 6749, 6)."""

from typing import Any

from deploy.playground import tokens
from deploy.playground.flows import id_token
from deploy.playground.flows.flow import Visit
from deploy.playground.problems import RefusedError
from deploy.playground.references import rfc
from deploy.playground.sessions import SignedIn
from deploy.playground.transcript import Run


async def refresh(visit: Visit) -> None:
    """Trade the web app's refresh token for new tokens, and keep them."""
    run = visit.start("Refresh")
    person = visit.session.people.get(visit.playground.web.client_id)
    response = await _trade(run, person)
    if person is None:
        return
    person.tokens = {**person.tokens, **response}
    if "id_token" in response:
        before = person.claims
        person.claims = {**before, **await id_token.verify_refreshed(run, person.party, response, before=before)}


async def _trade(run: Run, person: SignedIn | None) -> dict[str, Any]:
    with run.step(
        "refresh",
        "Trade the refresh token for new tokens",
        "No browser and no person needed. The refresh token is used up: the answer brings its successor, and the old "
        "one, if it ever comes back, ends the whole family.",
        rfc(6749, "6"),
        rfc(9700, "4.14.2"),
    ) as step:
        if person is None or not person.tokens.get("refresh_token"):
            raise RefusedError("no_token", "this session has no refresh token")
        response = await person.party.refresh(person.tokens["refresh_token"])
        step.tokens += [tokens.access_token(response), *tokens.refresh_token(response)]
        return response
