"""Implicit: tokens through the browser, in the URL fragment (OpenID Connect Core 3.2, RFC 6749 4.2)."""

from collections.abc import Mapping

from deploy.playground import tokens
from deploy.playground.config import Playground
from deploy.playground.flows import id_token
from deploy.playground.flows.flow import Button, Flow, ResponseMode, Visit
from deploy.playground.flows.sign_in import Request, SignIn, accept_answer, send_away
from deploy.playground.flows.userinfo import ask_who_it_is
from deploy.playground.references import IMPLICIT_RESPONSE, rfc

_WHY = (
    "The user signs in at the server. This request asks for tokens instead of a code, so "
    "PKCE has nothing to protect. The server requires the nonce."
)


async def sign_in(visit: Visit) -> str:
    """Redirect the browser to the server to sign in to the single-page app."""
    request = Request(visit.playground.implicit, "openid profile email", response_type="id_token token")
    return await send_away(visit, request, _come_back, why=_WHY)


async def _come_back(sign_in: SignIn, answer: Mapping[str, str]) -> None:
    """Check the response, verify the ID token and its at_hash, and call userinfo."""
    run, party = sign_in.run, sign_in.party
    with run.step(
        "authorization-response",
        "The browser comes back with tokens",
        "The tokens are in the URL fragment, which browsers do not send to servers. A script on this page read and "
        "removed them from the address bar. In a real single-page application they stay in the page; here the "
        "script sends them to the playground, which shows them.",
        IMPLICIT_RESPONSE,
        rfc(9207, "2.4"),
    ) as step:
        accept_answer(step, sign_in, answer, "id_token", "access_token")
        step.tokens.append(tokens.access_token(dict(answer)))
    await id_token.fetch_keys(run, party)
    response = {"token_type": "Bearer", "id_token": answer["id_token"], "access_token": answer["access_token"]}
    claims = await id_token.verify(
        run, party, response, nonce=sign_in.nonce, response_type=sign_in.request.response_type
    )
    await ask_who_it_is(run, sign_in.welcome(response, claims))


def _returns(playground: Playground) -> Mapping[str, ResponseMode]:
    return {playground.implicit.callback_path: ResponseMode.FRAGMENT}


FLOW = Flow(
    name="implicit",
    title="Implicit",
    summary="The tokens pass through the browser in the URL fragment. There is no token request.",
    suits="Old single-page applications whose library supports no other flow.",
    not_for="new applications: the tokens leak with the URL, and an API cannot detect a token that was issued to "
    "another client. A single-page application uses the authorization code flow with PKCE.",
    buttons=(Button("implicit", "Sign in", sign_in, primary=True),),
    returns=_returns,
)
