"""Signing out here and at the server (OpenID Connect RP-Initiated Logout)."""

from collections.abc import Mapping
from functools import partial

from deploy.playground.config import Playground
from deploy.playground.flows.browser import came_back_to, sent_to
from deploy.playground.flows.flow import Visit
from deploy.playground.problems import RefusedError
from deploy.playground.references import AFTER_LOGOUT, LOGOUT
from deploy.playground.sessions import Session, SignedIn
from deploy.playground.transcript import Run


async def sign_out(visit: Visit) -> str:
    """Forget the person at every application here, and send the browser to end the session at the server."""
    run = visit.start("Sign out")
    with run.step(
        "logout-request",
        "Send the browser to sign out at the server",
        "This application forgets its tokens first. The server then ends its own session, so that no application can "
        "sign in silently any more; the ID token tells it whom this is about.",
        LOGOUT,
    ) as step:
        person = _somebody(visit.session)
        if person is None:
            raise RefusedError("no_token", "nobody is signed in with this browser")
        request = await _logout_request(person, visit.playground.post_logout_redirect_uri)
        step.exchanges.append(sent_to(request["url"]))
        visit.session.people.clear()
    come_back = partial(_come_back, run, visit.playground.post_logout_redirect_uri)
    visit.session.expect(request["state"], run, come_back)
    return request["url"]


def nobody_to_sign_out(_playground: Playground, session: Session) -> str | None:
    """Why Sign out cannot be pressed now."""
    return None if _somebody(session) else "Sign in first."


def _somebody(session: Session) -> SignedIn | None:
    """Somebody who signed in with this browser: a television has its people elsewhere."""
    return next((person for person in session.people.values() if person.application.redirect_uri), None)


async def _logout_request(person: SignedIn, come_back_to: str) -> dict[str, str]:
    if not (await person.party.discover()).get("end_session_endpoint"):
        raise RefusedError("incomplete_metadata", "missing: end_session_endpoint")
    request: dict[str, str] = await person.party.create_logout_url(
        post_logout_redirect_uri=come_back_to,
        id_token_hint=person.tokens["id_token"],
        client_id=person.party.client_id,
    )
    return request


async def _come_back(run: Run, address: str, answer: Mapping[str, str]) -> None:
    with run.step(
        "logout-response",
        "The browser comes back, signed out",
        "The address was registered beforehand, and the state is the one that went along.",
        AFTER_LOGOUT,
    ) as step:
        step.exchanges.append(came_back_to(address, answer))
        step.checks.append("state is the one that this browser was given")
