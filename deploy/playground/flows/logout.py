"""Sign-out at the applications and at the server (OpenID Connect RP-Initiated Logout)."""

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
    """End the sessions of all applications here and redirect the browser to end the server's session."""
    run = visit.start("Sign out")
    with run.step(
        "logout-request",
        "Send the browser to sign out at the server",
        "This application deletes its tokens first. The server then ends its own session, so that no application can "
        "sign the user in silently any more. The ID token identifies the user.",
        LOGOUT,
    ) as step:
        user = _signed_in_user(visit.session)
        if user is None:
            raise RefusedError("no_token", "no user is signed in with this browser")
        request = await _logout_request(user, visit.playground.post_logout_redirect_uri)
        step.exchanges.append(sent_to(request["url"]))
        visit.session.users.clear()
    come_back = partial(_come_back, run, visit.playground.post_logout_redirect_uri)
    visit.session.expect(request["state"], run, come_back)
    return request["url"]


def why_sign_out_is_unavailable(_playground: Playground, session: Session) -> str | None:
    """Return why Sign out is disabled, or None."""
    return None if _signed_in_user(session) else "Sign in first."


def _signed_in_user(session: Session) -> SignedIn | None:
    """Find a user who signed in with this browser: the user of a device signed in elsewhere."""
    return next((user for user in session.users.values() if user.application.redirect_uri), None)


async def _logout_request(user: SignedIn, come_back_to: str) -> dict[str, str]:
    if not (await user.party.discover()).get("end_session_endpoint"):
        raise RefusedError("incomplete_metadata", "missing: end_session_endpoint")
    request: dict[str, str] = await user.party.create_logout_url(
        post_logout_redirect_uri=come_back_to,
        id_token_hint=user.tokens["id_token"],
        client_id=user.party.client_id,
    )
    return request


async def _come_back(run: Run, address: str, answer: Mapping[str, str]) -> None:
    with run.step(
        "logout-response",
        "The browser comes back after sign-out",
        "The address is a registered post-logout redirect URI, and the state equals that of the request.",
        AFTER_LOGOUT,
    ) as step:
        step.exchanges.append(came_back_to(address, answer))
        step.checks.append("state matches the request of this browser")
