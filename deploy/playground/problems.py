"""What a failure means, and what to try: the words beside a red step."""

from dataclasses import dataclass

import httpx2
from authlib.common.errors import AuthlibBaseError
from joserfc.errors import JoseError


class RefusedError(Exception):
    """The application itself refuses to go on: a check that Authlib leaves to its user failed."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


HANDLED = (RefusedError, AuthlibBaseError, JoseError, httpx2.HTTPError, httpx2.InvalidURL, ValueError)
"""What goes wrong when a server, a token or the network is at fault; ValueError: what came is no JSON."""


@dataclass(frozen=True)
class Problem:
    """Why a step failed, for somebody who sees it for the first time."""

    error: str
    description: str
    meaning: str
    try_this: str


@dataclass(frozen=True)
class _Advice:
    meaning: str
    try_this: str


_RUNNING = "See whether every service is up with `latchkey status`, and read the logs in LATCHKEY_HOME/logs."

_ADVICE = {
    "access_denied": _Advice(
        "Somebody said no: the person on the consent or sign-in page, or a rule of the server.",
        "Sign in again and choose Allow.",
    ),
    "invalid_client": _Advice(
        "The server does not know this client, or the secret is wrong.",
        "If the client was deleted or its secret changed, restart `make run`: it registers the playground's clients.",
    ),
    "invalid_grant": _Advice(
        "The code or refresh token is expired, used, revoked or not for this client. A code lives about a minute and "
        "works once; a second use revokes what the first one bought.",
        "Start again with Sign in.",
    ),
    "expired_device_code": _Advice(
        "The code lived its ten minutes, and nobody said yes or no (`expired_token`, RFC 8628, 3.5).",
        "Ask for a new code.",
    ),
    "invalid_request": _Advice(
        "The server could not accept the request as it was sent.",
        "Compare the parameters above with the section of the RFC that the step names.",
    ),
    "invalid_scope": _Advice(
        "A requested scope does not exist, or this client may not have it.",
        "See what the client is allowed with `latchkey client show`.",
    ),
    "unauthorized_client": _Advice(
        "This client is known but not allowed to use this grant type or response type.",
        "Add the grant type with `latchkey client update --grant-type …`.",
    ),
    "unsupported_grant_type": _Advice("The server does not offer this grant type.", "See the discovery document."),
    "invalid_token": _Advice(
        "The access token is expired, revoked or not meant for this endpoint.", "Refresh, or sign in again."
    ),
    "insufficient_scope": _Advice(
        "The access token is good, but its scope does not cover this.", "Sign in again with the scope it names."
    ),
    "login_required": _Advice("Nobody is signed in, and the request forbade to ask.", "Sign in first."),
    "consent_required": _Advice("Consent is missing, and the request forbade to ask for it.", "Sign in first."),
    "temporarily_unavailable": _Advice("The server is overloaded or a part of it is away.", "Try again shortly."),
    "server_error": _Advice("Something failed inside the server.", _RUNNING),
    "unreachable": _Advice("No answer came: nothing listens at this address, or it took too long.", _RUNNING),
    "http_error": _Advice("The server answered with an HTTP error instead of the expected document.", _RUNNING),
    "unreadable": _Advice("The answer is not the JSON document that the specification asks for.", _RUNNING),
    "incomplete_metadata": _Advice("The discovery document lacks an endpoint that this flow needs.", _RUNNING),
    "unknown_state": _Advice(
        "This answer belongs to no sign-in that this browser has open: it is old, was opened twice, or somebody else "
        "sent it. Accepting it would let a stranger sign you in to their account (RFC 6749, 10.12).",
        "Start again with Sign in.",
    ),
    "wrong_issuer": _Advice(
        "The answer names another authorization server than the one that was asked, as in a mix-up attack.",
        "Check LATCHKEY_ISSUER: it must be the same for every service and for the browser.",
    ),
    "no_token": _Advice("There is no token of that kind in this session.", "Sign in first."),
    "wrong_subject": _Advice(
        "The answer speaks about another person than the ID token does, so it must not be used.", "Sign in again."
    ),
    "bad_signature": _Advice(
        "No key of the server's key set made this signature: the token is forged or the keys are stale.",
        "Sign in again; then compare the `kid` of the token with the key set.",
    ),
    "expired_token": _Advice(
        "The token is past its `exp`, even with a little clock difference allowed.",
        "Compare the clocks of this machine and the server.",
    ),
}
_ANY_TOKEN = _Advice(
    "The ID token did not pass the checks of OpenID Connect Core, 3.1.3.7, so nobody is signed in.",
    "Look at the claim that the error names, and sign in again.",
)
_ANYTHING = _Advice("The server refused, with an error code of its own.", "The description says more.")


def explain(error: Exception) -> Problem:
    """Put what the client library raised into words."""
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
