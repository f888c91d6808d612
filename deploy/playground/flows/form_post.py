"""Implicit with a form post: an ID token only, for applications that only sign users in."""

from collections.abc import Mapping

from deploy.playground.config import Playground
from deploy.playground.flows import id_token
from deploy.playground.flows.flow import Button, Flow, ResponseMode, Visit
from deploy.playground.flows.sign_in import Request, SignIn, accept_answer, send_away
from deploy.playground.references import FORM_POST, IMPLICIT_RESPONSE, rfc

_WHY = (
    "The user signs in at the server. The response is an ID token, sent as a form that the browser posts to this "
    "application, so that it is in no URL. There is no code for PKCE to protect; the nonce binds "
    "the ID token to this browser."
)


async def sign_in(visit: Visit) -> str:
    """Redirect the browser to the server to sign in to the application that uses an ID token only."""
    request = Request(
        visit.playground.form_post, "openid profile email", response_type="id_token", response_mode="form_post"
    )
    return await send_away(visit, request, _come_back, why=_WHY)


async def _come_back(sign_in: SignIn, answer: Mapping[str, str]) -> None:
    """Check the response and verify its ID token."""
    run, party = sign_in.run, sign_in.party
    with run.step(
        "authorization-response",
        "The browser posts an ID token",
        "A page of the server has a form that submits itself (without scripts: a button). The POST is "
        "cross-site, so browsers do not send `SameSite=Strict` cookies, and send `Lax` ones here only since server and "
        "application share a host name here. Elsewhere the cookie for `state` and `nonce` needs `SameSite=None`.",
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
    summary="The browser posts an ID token to the application. It has no client secret, token request or access token.",
    suits="Server-side applications that only sign users in and cannot call the server.",
    not_for="applications that call an API or need refresh tokens: use the authorization code flow.",
    buttons=(Button("form-post", "Sign in", sign_in, primary=True),),
    returns=_returns,
)
