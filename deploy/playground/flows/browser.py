"""Requests and responses of a flow that pass through the browser, as exchanges."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from deploy.playground import redact
from deploy.playground.transcript import Exchange, Parameter

_RESPONSE_TYPES = {
    "code": "a code: tokens do not pass through the browser",
    "id_token": "an ID token only, through the browser",
    "id_token token": "ID token and access token, both through the browser",
    "code id_token": "a code and an ID token",
}
_RESPONSE_MODES = {
    "form_post": "the response is the body of a POST, so it is in no browser history and no access log",
    "fragment": "the response is in the fragment of the URL, which browsers do not send to servers",
}
_NOTES = {
    "client_id": "identifies the application",
    "redirect_uri": "the address of the response; must equal a registered redirect URI exactly",
    "scope": "the requested access; openid requests an ID token",
    "state": "binds the response to this browser, against forged responses",
    "nonce": "is returned in the ID token, against replayed tokens",
    "code_challenge": "SHA-256 of a secret of this application (PKCE)",
    "code_challenge_method": "the hash algorithm of the challenge",
    "code": "single use, and only with the PKCE secret",
    "id_token": "identifies the user; verified below before it is used",
    "access_token": "for the API; anyone who obtains it can use it",
    "token_type": "how the access token is sent to the API",
    "expires_in": "lifetime in seconds: short, because the token cannot be renewed",
    "session_state": "lets the application detect that the session at the server ended",
    "iss": "the issuer of the response, against mix-up attacks (RFC 9207)",
    "id_token_hint": "identifies the user to sign out",
    "post_logout_redirect_uri": "the address after sign-out; must be registered",
    "error": "the error code",
    "error_description": "the reason, for developers",
    "prompt": "whether the server asks the user again",
}


def sent_to(address: str) -> Exchange:
    """Describe a redirect of the browser to the server."""
    parts = urlsplit(address)
    return Exchange(
        sender="browser",
        method="GET",
        url=urlunsplit(parts._replace(query="")),
        parameters=_explained(dict(parse_qsl(parts.query, keep_blank_values=True))),
        status=303,
        reason="this application's redirect to the server",
    )


def came_back_to(address: str, answer: Mapping[str, str], *, method: str = "GET") -> Exchange:
    """Describe the browser's request that carries a response."""
    return Exchange(sender="browser", method=method, url=address, parameters=_explained(answer))


def _explained(fields: Mapping[str, str]) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, redact.value(name, text), _note(name, text)) for name, text in fields.items())


def _note(name: str, text: str) -> str:
    by_value = {"response_type": _RESPONSE_TYPES, "response_mode": _RESPONSE_MODES}.get(name)
    return by_value.get(text, "") if by_value else _NOTES.get(name, "")
