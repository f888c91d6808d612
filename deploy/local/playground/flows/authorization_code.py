"""Authorization code with PKCE: the flow of every application that a person uses (RFC 6749 4.1, RFC 7636)."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from deploy.local.playground import tokens
from deploy.local.playground.config import Application, Playground
from deploy.local.playground.flows import id_token
from deploy.local.playground.flows.browser import came_back_to, sent_to
from deploy.local.playground.flows.discovery import discover
from deploy.local.playground.flows.flow import Button, Flow, Visit
from deploy.local.playground.flows.logout import sign_out
from deploy.local.playground.flows.refresh import refresh
from deploy.local.playground.flows.userinfo import ask_who_it_is, call_userinfo
from deploy.local.playground.problems import RefusedError
from deploy.local.playground.references import AUTHENTICATION_REQUEST, rfc
from deploy.local.playground.relying_party import RelyingParty
from deploy.local.playground.sessions import Session, SignedIn
from deploy.local.playground.transcript import Run

_SCOPE = "openid profile email offline_access"
_SCOPE_OF_SECOND = "openid profile"


async def sign_in(visit: Visit) -> str:
    """Send the browser away to sign in to the web app."""
    return await _send_away(visit, visit.playground.web, _SCOPE)


async def sign_in_at_second(visit: Visit) -> str:
    """Send the browser away to sign in to another application, which finds it signed in already."""
    return await _send_away(visit, visit.playground.second, _SCOPE_OF_SECOND)


@dataclass(frozen=True)
class _SignIn:
    """What has to be remembered while the browser is away."""

    session: Session
    application: Application
    party: RelyingParty
    run: Run
    code_verifier: str
    nonce: str


async def _send_away(visit: Visit, application: Application, scope: str) -> str:
    run = visit.start(f"Sign in at the {application.name}")
    party = RelyingParty(visit.playground.issuer, application)
    await discover(run, party)
    with run.step(
        "authorization-request",
        "Send the browser to the server",
        "The person signs in there, never here: this application sees no password. Along go the hash of a fresh "
        "secret (PKCE) and two random values to recognise the answer by.",
        rfc(6749, "4.1.1"),
        rfc(7636, "4.3"),
        AUTHENTICATION_REQUEST,
    ) as step:
        request = await party.create_authorization_url(
            application.redirect_uri, scope=scope, state=secrets.token_urlsafe(24), nonce=secrets.token_urlsafe(24)
        )
        step.exchanges.append(sent_to(request["url"]))
    sign_in = _SignIn(visit.session, application, party, run, request["code_verifier"], request["nonce"])
    visit.session.expect(request["state"], run, partial(_come_back, sign_in))
    return str(request["url"])


async def _come_back(sign_in: _SignIn, answer: Mapping[str, str]) -> None:
    """Judge the answer, trade its code for tokens, and find out who it is."""
    run, party = sign_in.run, sign_in.party
    code = _code_of(run, party, sign_in.application, answer)
    response = await _redeem(sign_in, code)
    await id_token.fetch_keys(run, party)
    claims = await id_token.verify(run, party, response, nonce=sign_in.nonce)
    person = SignedIn(sign_in.application, party, response, claims)
    sign_in.session.people[party.client_id] = person
    await ask_who_it_is(run, person)


def _code_of(run: Run, party: RelyingParty, application: Application, answer: Mapping[str, str]) -> str:
    with run.step(
        "authorization-response",
        "The browser comes back",
        "With a code, or with an error. The code alone is worth nothing: it needs this application's secrets too.",
        rfc(6749, "4.1.2"),
        rfc(9207, "2.4"),
    ) as step:
        step.exchanges.append(came_back_to(application.redirect_uri, answer))
        step.checks.append("state is the one that this browser was given")
        announced = party.server_metadata.get("authorization_response_iss_parameter_supported")
        if ("iss" in answer or announced) and answer.get("iss") != party.issuer:
            raise RefusedError("wrong_issuer", f"expected {party.issuer}, the answer says {answer.get('iss')}")
        if "iss" in answer:
            step.checks.append(f"iss is {party.issuer}, the server that was asked")
        if "error" in answer:
            raise RefusedError(answer["error"], answer.get("error_description", ""))
        if not answer.get("code"):
            raise RefusedError("invalid_request", "the answer has neither a code nor an error")
        return answer["code"]


async def _redeem(sign_in: _SignIn, code: str) -> dict[str, Any]:
    with sign_in.run.step(
        "token",
        "Trade the code for tokens",
        "Server to server, with the client's own secret and the PKCE secret behind the hash.",
        rfc(6749, "4.1.3"),
        rfc(7636, "4.5"),
    ) as step:
        response: dict[str, Any] = await sign_in.party.fetch_access_token(
            sign_in.application.redirect_uri,
            grant_type="authorization_code",
            code=code,
            code_verifier=sign_in.code_verifier,
        )
        step.tokens += [tokens.access_token(response), *tokens.refresh_token(response)]
        return response


def _nobody_at_web(playground: Playground, session: Session) -> str | None:
    return None if playground.web.client_id in session.people else "Sign in first."


def _no_refresh_token(playground: Playground, session: Session) -> str | None:
    person = session.people.get(playground.web.client_id)
    if person and not person.tokens.get("refresh_token"):
        return "The server gave no refresh token."
    return _nobody_at_web(playground, session)


def _returns(playground: Playground) -> frozenset[str]:
    return frozenset(
        {playground.web.callback_path, playground.second.callback_path, playground.post_logout_path},
    )


FLOW = Flow(
    name="authorization-code",
    title="Authorization code + PKCE",
    summary="The person signs in at the server; the application gets a one-time code and trades it for tokens.",
    suits="Web, mobile and desktop applications: whenever a person is there.",
    buttons=(
        Button("code", "Sign in", sign_in, primary=True),
        Button("second", "Sign in at the second app (SSO)", sign_in_at_second),
        Button("refresh", "Refresh", refresh, _no_refresh_token),
        Button("userinfo", "Call userinfo", call_userinfo, _nobody_at_web),
        Button("logout", "Sign out", sign_out, _nobody_at_web),
    ),
    returns=_returns,
)
