"""The steps of every sign-in through the browser: request, response and code redemption."""

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
    """An authorization request: scope, response type and response mode."""

    application: Application
    scope: str
    response_type: str = "code"
    response_mode: str = ""
    """Empty: the default of the response type."""

    @property
    def with_code(self) -> bool:
        """Whether the response has a code, which PKCE protects."""
        return "code" in self.response_type.split()


@dataclass(frozen=True)
class SignIn:
    """State of a sign-in until the browser brings the response."""

    session: Session
    request: Request
    party: RelyingParty
    run: Run
    nonce: str
    code_verifier: str

    @property
    def application(self) -> Application:
        """The client of the request."""
        return self.request.application

    def welcome(self, response: dict[str, Any], claims: dict[str, Any]) -> SignedIn:
        """Store the user of a verified ID token in the session."""
        user = SignedIn(self.application, self.party, response, claims)
        self.session.users[self.party.client_id] = user
        return user


ComeBack = Callable[[SignIn, Mapping[str, str]], Awaitable[None]]


async def send_away(visit: Visit, request: Request, come_back: ComeBack, *, why: str) -> str:
    """Begin a run and return the authorization request URL; `why` is the text of the step."""
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
    # Authlib creates the challenge only for the response type code.
    challenge = create_s256_code_challenge(verifier)
    return mode | {"code_verifier": verifier, "code_challenge": challenge, "code_challenge_method": "S256"}


def accept_answer(step: Step, sign_in: SignIn, answer: Mapping[str, str], *needed: str, method: str = "GET") -> None:
    """Show the response, and check that it is from this server, complete and no error.

    Raises:
        RefusedError: a check failed.
    """
    party = sign_in.party
    step.exchanges.append(came_back_to(sign_in.application.redirect_uri, answer, method=method))
    step.checks.append("state matches the request of this browser")
    announced = party.server_metadata.get("authorization_response_iss_parameter_supported")
    if ("iss" in answer or announced) and answer.get("iss") != party.issuer:
        raise RefusedError("wrong_issuer", f"iss is {answer.get('iss')}, expected {party.issuer}")
    if "iss" in answer:
        step.checks.append(f"iss is {party.issuer}, the server of the request")
    if "error" in answer:
        raise RefusedError(answer["error"], answer.get("error_description", ""))
    if missing := [name for name in needed if not answer.get(name)]:
        raise RefusedError("invalid_request", f"the response has neither {' and '.join(missing)} nor error")


async def redeem_code(sign_in: SignIn, code: str) -> dict[str, Any]:
    """Redeem the code for tokens."""
    with sign_in.run.step(
        "token",
        "Redeem the code for tokens",
        "The application authenticates with its client secret and sends the PKCE secret.",
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
