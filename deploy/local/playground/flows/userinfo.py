"""What the server tells about the person whose access token it is shown (OpenID Connect Core, 5.3)."""

from deploy.local.playground.flows.flow import Visit
from deploy.local.playground.problems import RefusedError
from deploy.local.playground.references import USERINFO, rfc


async def call_userinfo(visit: Visit) -> None:
    """Call the userinfo endpoint with the web app's access token."""
    run = visit.start("Call userinfo")
    with run.step(
        "userinfo",
        "Ask who the person is",
        "The access token goes along as a bearer token; its scope decides which claims come back.",
        USERINFO,
        rfc(6750, "2.1"),
    ) as step:
        person = visit.session.people.get(visit.playground.web.client_id)
        if person is None:
            raise RefusedError("no_token", "nobody is signed in to the web app")
        # Without its refresh token: Authlib would renew an old token on its own, and this page shows every step.
        bearer = {"access_token": person.tokens["access_token"], "token_type": "Bearer"}
        claims = await person.party.userinfo(token=bearer)
        if claims.get("sub") != person.claims["sub"]:
            raise RefusedError("wrong_subject", f"userinfo speaks of {claims.get('sub')}")
        step.checks.append("sub is the person of the ID token")
