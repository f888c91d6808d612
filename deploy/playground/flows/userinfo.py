"""What the server tells about the person whose access token it is shown (OpenID Connect Core, 5.3)."""

from deploy.playground.flows.flow import Visit
from deploy.playground.problems import RefusedError
from deploy.playground.references import USERINFO, rfc
from deploy.playground.sessions import SignedIn
from deploy.playground.transcript import Run


async def call_userinfo(visit: Visit) -> None:
    """Call the userinfo endpoint with the web app's access token."""
    await ask_who_it_is(visit.start("Call userinfo"), visit.session.people.get(visit.playground.web.client_id))


async def ask_who_it_is(run: Run, person: SignedIn | None) -> None:
    """Fill in the profile of a person; the ID token has told only their `sub`."""
    with run.step(
        "userinfo",
        "Ask who the person is",
        "The access token goes along as a bearer token; its scope decides which claims come back.",
        USERINFO,
        rfc(6750, "2.1"),
    ) as step:
        if person is None:
            raise RefusedError("no_token", "nobody is signed in to the web app")
        # Without its refresh token: Authlib would renew an old token on its own, and this page shows every step.
        bearer = {"access_token": person.tokens["access_token"], "token_type": "Bearer"}
        profile = dict(await person.party.userinfo(token=bearer))
        if profile.get("sub") != person.claims["sub"]:
            raise RefusedError("wrong_subject", f"userinfo speaks of {profile.get('sub')}")
        step.checks.append("sub is the person of the ID token")
        person.profile = profile
