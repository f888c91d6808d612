"""Implicit: tokens straight through the browser, in the fragment (OpenID Connect Core 3.2, RFC 6749 4.2)."""

from collections.abc import Mapping

from deploy.playground import tokens
from deploy.playground.config import Playground
from deploy.playground.flows import id_token
from deploy.playground.flows.flow import Button, Flow, ResponseMode, Visit
from deploy.playground.flows.sign_in import Request, SignIn, accept_answer, send_away
from deploy.playground.flows.userinfo import ask_who_it_is
from deploy.playground.references import IMPLICIT_RESPONSE, rfc

_WHY = (
    "The person signs in there, as always. But this request asks for the tokens themselves and not for a code, so "
    "there is nothing that PKCE could protect, and the nonce is no choice: without it the server refuses."
)


async def sign_in(visit: Visit) -> str:
    """Send the browser away to sign in to the single-page app."""
    request = Request(visit.playground.implicit, "openid profile email", response_type="id_token token")
    return await send_away(visit, request, _come_back, why=_WHY)


async def _come_back(sign_in: SignIn, answer: Mapping[str, str]) -> None:
    """Judge the answer, verify that ID token and access token belong together, and find out who it is."""
    run, party = sign_in.run, sign_in.party
    with run.step(
        "authorization-response",
        "The browser comes back with tokens",
        "Behind the # of the address, which no server gets to see. A script of the page at this address read them and "
        "took them out of the address bar. In a real single-page application they would stay in the page; here the "
        "script hands them to the playground, so that it can show them.",
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
    summary="The tokens come straight through the browser, behind the # of an address. There is no second request.",
    suits="Old single-page applications whose library knows nothing else.",
    not_for="anything new: whatever reads addresses gets the tokens, and nobody can tell that they were meant for "
    "somebody else. A single-page application takes the authorization code with PKCE.",
    buttons=(Button("implicit", "Sign in", sign_in, primary=True),),
    returns=_returns,
)
