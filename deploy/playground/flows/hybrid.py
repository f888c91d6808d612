"""Hybrid: an ID token and a code in the authorization response (OpenID Connect Core 3.3)."""

from collections.abc import Mapping
from typing import Any

from deploy.playground.config import Playground
from deploy.playground.flows import id_token
from deploy.playground.flows.flow import Button, Flow, ResponseMode, Visit
from deploy.playground.flows.sign_in import Request, SignIn, accept_answer, redeem_code, send_away
from deploy.playground.flows.userinfo import ask_who_it_is
from deploy.playground.problems import RefusedError
from deploy.playground.references import FORM_POST, HYBRID_RESPONSE, rfc

_WHY = (
    "The user signs in at the server. The response has an ID token, which the nonce protects, "
    "and a code, which the hash of a new secret protects (PKCE)."
)


async def sign_in(visit: Visit) -> str:
    """Redirect the browser to the server to sign in to the hybrid app."""
    request = Request(
        visit.playground.hybrid,
        "openid profile email offline_access",
        response_type="code id_token",
        response_mode="form_post",
    )
    return await send_away(visit, request, _come_back, why=_WHY)


async def _come_back(sign_in: SignIn, answer: Mapping[str, str]) -> None:
    """Check the response, verify its ID token, redeem its code and compare the two ID tokens."""
    run, party = sign_in.run, sign_in.party
    with run.step(
        "authorization-response",
        "The browser posts a code and an ID token",
        "The application verifies the user before it redeems the code. The ID token has a hash of the code, so an "
        "attacker cannot replace the code.",
        HYBRID_RESPONSE,
        FORM_POST,
        rfc(9207, "2.4"),
    ) as step:
        accept_answer(step, sign_in, answer, "code", "id_token", method="POST")
    await id_token.fetch_keys(run, party)
    first = await id_token.verify(
        run,
        party,
        {"id_token": answer["id_token"], "code": answer["code"]},
        nonce=sign_in.nonce,
        response_type=sign_in.request.response_type,
        source="from the authorization response",
    )
    response = await redeem_code(sign_in, answer["code"])
    second = await id_token.verify(run, party, response, nonce=sign_in.nonce, source="from the token response")
    _compare(sign_in, first, second)
    await ask_who_it_is(run, sign_in.welcome(response, {**first, **second}))


def _compare(sign_in: SignIn, first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
    with sign_in.run.step(
        "comparison",
        "Compare the two ID tokens",
        "Both ID tokens must have the same issuer and subject.",
        HYBRID_RESPONSE,
    ) as step:
        for name in ("iss", "sub"):
            if first[name] != second[name]:
                raise RefusedError("wrong_subject", f"{name} was {first[name]} and is now {second[name]}")
            step.checks.append(f"{name} is the same in both")


def _returns(playground: Playground) -> Mapping[str, ResponseMode]:
    return {playground.hybrid.callback_path: ResponseMode.FORM_POST}


FLOW = Flow(
    name="hybrid",
    title="Hybrid",
    summary="The browser brings an ID token and a code; the application redeems the code for the other tokens.",
    suits="Server-side applications that must verify the user before they redeem the code, or whose library requires "
    "code id_token.",
    not_for="other applications: the authorization code flow gives the same result with one more request.",
    buttons=(Button("hybrid", "Sign in", sign_in, primary=True),),
    returns=_returns,
)
