"""Refresh: new tokens without the user (RFC 6749, 6)."""

from typing import Any

from deploy.playground import tokens
from deploy.playground.flows import id_token
from deploy.playground.flows.flow import Visit
from deploy.playground.problems import RefusedError
from deploy.playground.references import rfc
from deploy.playground.sessions import SignedIn
from deploy.playground.transcript import Run


async def refresh(visit: Visit) -> None:
    """Refresh the web app's tokens and store them in the session."""
    run = visit.start("Refresh")
    user = visit.session.users.get(visit.playground.web.client_id)
    response = await _trade(run, user)
    if user is None:
        return
    user.tokens = {**user.tokens, **response}
    if "id_token" in response:
        before = user.claims
        user.claims = {**before, **await id_token.verify_refreshed(run, user.party, response, before=before)}


async def _trade(run: Run, user: SignedIn | None) -> dict[str, Any]:
    with run.step(
        "refresh",
        "Redeem the refresh token",
        "Needs no browser and no user. The refresh token is single use: the response has its successor. If the old "
        "one is sent again, the server revokes all refresh tokens of this sign-in.",
        rfc(6749, "6"),
        rfc(9700, "4.14.2"),
    ) as step:
        if user is None or not user.tokens.get("refresh_token"):
            raise RefusedError("no_token", "this session has no refresh token")
        response = await user.party.refresh(user.tokens["refresh_token"])
        step.tokens += [tokens.access_token(response), *tokens.refresh_token(response)]
        return response
