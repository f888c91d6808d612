"""Userinfo: claims about the user of an access token (OpenID Connect Core, 5.3)."""

from deploy.playground.flows.flow import Visit
from deploy.playground.problems import RefusedError
from deploy.playground.references import USERINFO, rfc
from deploy.playground.sessions import SignedIn
from deploy.playground.transcript import Run


async def call_userinfo(visit: Visit) -> None:
    """Call the userinfo endpoint with the web app's access token."""
    await ask_who_it_is(visit.start("Call userinfo"), visit.session.users.get(visit.playground.web.client_id))


async def ask_who_it_is(run: Run, user: SignedIn | None) -> None:
    """Call userinfo and store the profile of the user."""
    with run.step(
        "userinfo",
        "Call userinfo",
        "The request carries the access token as a bearer token; its scope decides which claims are returned.",
        USERINFO,
        rfc(6750, "2.1"),
    ) as step:
        if user is None:
            raise RefusedError("no_token", "no user is signed in to the web app")
        # Without the refresh token: Authlib would refresh an expired token in a step that this page does not show.
        bearer = {"access_token": user.tokens["access_token"], "token_type": "Bearer"}
        profile = dict(await user.party.userinfo(token=bearer))
        if profile.get("sub") != user.claims["sub"]:
            raise RefusedError("wrong_subject", f"sub in the userinfo response is {profile.get('sub')}")
        step.checks.append("sub equals sub of the ID token")
        user.profile = profile
