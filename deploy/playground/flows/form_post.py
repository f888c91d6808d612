"""Implicit with a form post: an ID token and nothing else, for applications that only want to know who it is."""

from collections.abc import Mapping

from deploy.playground.config import Playground
from deploy.playground.flows import id_token
from deploy.playground.flows.flow import Button, Flow, ResponseMode, Visit
from deploy.playground.flows.sign_in import Request, SignIn, accept_answer, send_away
from deploy.playground.references import FORM_POST, IMPLICIT_RESPONSE, rfc

_WHY = (
    "The person signs in there, as always. The answer shall be an ID token and come as a form that the browser posts "
    "here, so that it is in no address. There is no code, so there is nothing that PKCE could protect; the nonce ties "
    "the ID token to this browser."
)


async def sign_in(visit: Visit) -> str:
    """Send the browser away to sign in to the application that wants an ID token alone."""
    request = Request(
        visit.playground.form_post, "openid profile email", response_type="id_token", response_mode="form_post"
    )
    return await send_away(visit, request, _come_back, why=_WHY)


async def _come_back(sign_in: SignIn, answer: Mapping[str, str]) -> None:
    """Judge the answer; its ID token tells all there is to know."""
    run, party = sign_in.run, sign_in.party
    with run.step(
        "authorization-response",
        "The browser posts an ID token",
        "A page of the server holds a form that posts itself (without scripts: after a press). It comes from another "
        "site, so a cookie with `SameSite=Strict` would not come along, and one with `Lax` only because server and "
        "application share a host name here; elsewhere what remembers `state` and `nonce` needs `SameSite=None`.",
        FORM_POST,
        IMPLICIT_RESPONSE,
        rfc(9207, "2.4"),
    ) as step:
        accept_answer(step, sign_in, answer, "id_token", method="POST")
    await id_token.fetch_keys(run, party)
    response = {"id_token": answer["id_token"]}
    claims = await id_token.verify(
        run, party, response, nonce=sign_in.nonce, response_type=sign_in.request.response_type
    )
    sign_in.welcome(response, claims)


def _returns(playground: Playground) -> Mapping[str, ResponseMode]:
    return {playground.form_post.callback_path: ResponseMode.FORM_POST}


FLOW = Flow(
    name="form-post",
    title="Implicit, sign-in only, by form post",
    summary="The browser posts an ID token to the application. No secret, no token request, and no access token.",
    suits="Server-side applications that want to know who somebody is, and cannot call the server themselves.",
    not_for="applications that call an API, or renew anything: they take the authorization code.",
    buttons=(Button("form-post", "Sign in", sign_in, primary=True),),
    returns=_returns,
)
