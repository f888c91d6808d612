"""What every sign-in through the browser shares: the request that goes, the answer that comes, and who it was."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from deploy.playground import tokens
from deploy.playground.config import Application
from deploy.playground.flows.browser import came_back_to, sent_to
from deploy.playground.flows.discovery import discover
from deploy.playground.flows.flow import Visit
from deploy.playground.problems import RefusedError
from deploy.playground.references import AUTHENTICATION_REQUEST, rfc
from deploy.playground.relying_party import RelyingParty
from deploy.playground.sessions import Session, SignedIn
from deploy.playground.transcript import Run, Step


@dataclass(frozen=True)
class Request:
    """What an application asks for, and how it wants the answer."""

    application: Application
    scope: str
    response_type: str = "code"
    response_mode: str = ""
    """Empty: the one that goes with the response type."""

    @property
    def with_code(self) -> bool:
        """Whether a code comes back, which PKCE then protects."""
        return "code" in self.response_type.split()


@dataclass(frozen=True)
class SignIn:
    """What has to be remembered while the browser is away."""

    session: Session
    request: Request
    party: RelyingParty
    run: Run
    nonce: str
    code_verifier: str

    @property
    def application(self) -> Application:
        """Who asked."""
        return self.request.application

    def welcome(self, response: dict[str, Any], claims: dict[str, Any]) -> SignedIn:
        """The person whose ID token was verified is signed in from here on."""
        person = SignedIn(self.application, self.party, response, claims)
        self.session.people[self.party.client_id] = person
        return person


ComeBack = Callable[[SignIn, Mapping[str, str]], Awaitable[None]]


async def send_away(visit: Visit, request: Request, come_back: ComeBack, *, why: str) -> str:
    """Begin a run and send the browser to the server; `why` explains what goes along."""
    run = visit.start(f"Sign in at the {request.application.name}")
    party = RelyingParty(visit.playground.issuer, request.application)
    await discover(run, party)
    references = (rfc(6749, "4.1.1"), rfc(7636, "4.3")) if request.with_code else (rfc(6749, "4.2.1"),)
    with run.step(
        "authorization-request", "Send the browser to the server", why, *references, AUTHENTICATION_REQUEST
    ) as step:
        verifier = secrets.token_urlsafe(48) if request.with_code else ""
        sent = await party.create_authorization_url(
            request.application.redirect_uri,
            scope=request.scope,
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            response_type=request.response_type,
            **_more(request, verifier),
        )
        step.exchanges.append(sent_to(sent["url"]))
    sign_in = SignIn(visit.session, request, party, run, nonce=sent["nonce"], code_verifier=verifier)
    visit.session.expect(sent["state"], run, partial(come_back, sign_in))
    return str(sent["url"])


def _more(request: Request, verifier: str) -> dict[str, str]:
    mode = {"response_mode": request.response_mode} if request.response_mode else {}
    if not verifier:
        return mode
    # Authlib makes the challenge by itself for the response type code alone.
    challenge = create_s256_code_challenge(verifier)
    return mode | {"code_verifier": verifier, "code_challenge": challenge, "code_challenge_method": "S256"}


def accept_answer(step: Step, sign_in: SignIn, answer: Mapping[str, str], *needed: str, method: str = "GET") -> None:
    """Show the answer, and check that it is one of this server, no error, and complete.

    Raises:
        RefusedError: it is not.
    """
    party = sign_in.party
    step.exchanges.append(came_back_to(sign_in.application.redirect_uri, answer, method=method))
    step.checks.append("state is the one that this browser was given")
    announced = party.server_metadata.get("authorization_response_iss_parameter_supported")
    if ("iss" in answer or announced) and answer.get("iss") != party.issuer:
        raise RefusedError("wrong_issuer", f"expected {party.issuer}, the answer says {answer.get('iss')}")
    if "iss" in answer:
        step.checks.append(f"iss is {party.issuer}, the server that was asked")
    if "error" in answer:
        raise RefusedError(answer["error"], answer.get("error_description", ""))
    if missing := [name for name in needed if not answer.get(name)]:
        raise RefusedError("invalid_request", f"the answer has no {' and no '.join(missing)}, and no error either")


async def redeem_code(sign_in: SignIn, code: str) -> dict[str, Any]:
    """Trade the code for tokens."""
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
