"""Explanations of errors: what an error means and what to try."""

from dataclasses import dataclass

import httpx2
from authlib.common.errors import AuthlibBaseError
from joserfc.errors import JoseError


class RefusedError(Exception):
    """A check that Authlib leaves to the application failed."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


HANDLED = (RefusedError, AuthlibBaseError, JoseError, httpx2.HTTPError, httpx2.InvalidURL, ValueError)
"""Errors caused by a server, a token or the network; ValueError: the response is not JSON."""


@dataclass(frozen=True)
class Problem:
    """Why a step failed, and what to try."""

    error: str
    description: str
    meaning: str
    try_this: str


@dataclass(frozen=True)
class _Advice:
    meaning: str
    try_this: str


_RUNNING = "Check the services with `latchkey status`, and read the logs in LATCHKEY_HOME/logs."

_ADVICE = {
    "access_denied": _Advice(
        "The user denied the request on the consent or sign-in page, or the policy of the server refused it.",
        "Sign in again and choose Allow.",
    ),
    "invalid_client": _Advice(
        "The client is not registered, or the client secret is wrong.",
        "If the client was deleted or its secret changed, restart `make run`: it registers the playground's clients.",
    ),
    "invalid_grant": _Advice(
        "The code or refresh token is expired, used, revoked or for another client. A code lasts about a minute "
        "and is single use; a second use revokes the tokens of the first one.",
        "Start again with Sign in.",
    ),
    "expired_device_code": _Advice(
        "The code expired before the user decided (`expired_token`, RFC 8628, 3.5).",
        "Get a new code.",
    ),
    "invalid_request": _Advice(
        "A parameter of the request is missing or invalid.",
        "Compare the parameters above with the section of the RFC that the step names.",
    ),
    "invalid_scope": _Advice(
        "A requested scope does not exist or is not registered for this client.",
        "List the scopes of the client with `latchkey client show`.",
    ),
    "unauthorized_client": _Advice(
        "This client is not registered for this grant type or response type.",
        "Add the grant type with `latchkey client update --grant-type …`.",
    ),
    "unsupported_grant_type": _Advice("The server does not support this grant type.", "See the discovery document."),
    "invalid_token": _Advice(
        "The access token is expired, revoked or issued for another audience.", "Refresh, or sign in again."
    ),
    "insufficient_scope": _Advice(
        "The access token is valid, but its scope does not allow this request.",
        "Sign in again with the scope that the error names.",
    ),
    "login_required": _Advice("No active session, and prompt=none forbids a sign-in page.", "Sign in first."),
    "consent_required": _Advice("Consent is missing, and prompt=none forbids a consent page.", "Sign in first."),
    "temporarily_unavailable": _Advice(
        "The server is overloaded, or one of its services is unavailable.", "Try again shortly."
    ),
    "server_error": _Advice("An internal error occurred in the server.", _RUNNING),
    "unreachable": _Advice("No response: no server listens at this address, or the request timed out.", _RUNNING),
    "http_error": _Advice("The server returned an HTTP error instead of the expected document.", _RUNNING),
    "unreadable": _Advice("The response is not the JSON document that the specification requires.", _RUNNING),
    "incomplete_metadata": _Advice("The discovery document lacks an endpoint that this flow needs.", _RUNNING),
    "unknown_state": _Advice(
        "This response matches no pending sign-in of this browser: it is old, repeated, or sent by an attacker. "
        "Accepting it would let an attacker sign you in to the attacker's account (RFC 6749, 10.12).",
        "Start again with Sign in.",
    ),
    "wrong_issuer": _Advice(
        "The response names another authorization server than the request, as in a mix-up attack.",
        "Check LATCHKEY_ISSUER: it must be the same for every service and for the browser.",
    ),
    "no_token": _Advice("There is no token of that kind in this session.", "Sign in first."),
    "wrong_subject": _Advice(
        "The subject of the response differs from the subject of the ID token, so the response must not be used.",
        "Sign in again.",
    ),
    "bad_signature": _Advice(
        "No key of the server's key set verifies this signature: the token is forged or the keys are stale.",
        "Sign in again; then compare the `kid` of the token with the key set.",
    ),
    "expired_token": _Advice(
        "The current time is after `exp` of the token, even with the allowed clock difference.",
        "Compare the clocks of this machine and the server.",
    ),
}
_ANY_TOKEN = _Advice(
    "The ID token did not pass the checks of OpenID Connect Core, 3.1.3.7, so the user is not signed in.",
    "Check the claim that the error names, and sign in again.",
)
_ANYTHING = _Advice("The server returned an error code without an explanation here.", "Read the error description.")


def explain(error: Exception) -> Problem:
    """Explain an error of the client library."""
    code, description = _code_and_description(error)
    advice = _ADVICE.get(code) or (_ANY_TOKEN if isinstance(error, JoseError) else _ANYTHING)
    return Problem(code, description, advice.meaning, advice.try_this)


def _code_and_description(error: Exception) -> tuple[str, str]:
    if isinstance(error, httpx2.HTTPStatusError):
        challenge = error.response.headers.get("www-authenticate", "")
        for code in ("invalid_token", "insufficient_scope"):
            if f'error="{code}"' in challenge:
                return code, challenge
        return "http_error", f"{error.response.status_code} {error.response.reason_phrase}"
    if isinstance(error, (httpx2.HTTPError, httpx2.InvalidURL)):
        return "unreachable", f"{type(error).__name__}: {error}"
    if isinstance(error, (RefusedError, AuthlibBaseError, JoseError)):
        return str(error.error), str(error.description or "")
    return "unreadable", str(error)
