"""The half of a flow that travels through the browser, as exchanges."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from deploy.playground import redact
from deploy.playground.transcript import Exchange, Parameter

_RESPONSE_TYPES = {
    "code": "a code first: tokens never travel through the browser",
    "id_token": "an ID token through the browser, and nothing else",
    "id_token token": "ID token and access token, both through the browser",
    "code id_token": "a code, and an ID token at once",
}
_RESPONSE_MODES = {
    "form_post": "the answer comes in the body of a POST, where no history and no log keeps it",
    "fragment": "the answer comes behind the # of the address, which browsers do not send",
}
_NOTES = {
    "client_id": "which application asks",
    "redirect_uri": "where to come back to; must equal a registered address, character by character",
    "scope": "what is asked for; openid makes it a sign-in",
    "state": "ties the answer to this browser, against forged answers",
    "nonce": "comes back inside the ID token, against replayed tokens",
    "code_challenge": "SHA-256 of a secret that only this application knows (PKCE)",
    "code_challenge_method": "how the challenge was made",
    "code": "works once and only together with the PKCE secret",
    "id_token": "who signed in; verified below before a word of it is believed",
    "access_token": "for the API, and for whoever gets hold of it",
    "token_type": "how it is shown to the API",
    "expires_in": "seconds that it lives: short, since nobody can renew it",
    "session_state": "lets the application notice when the session at the server ends",
    "iss": "who answers, against mix-up with another server (RFC 9207)",
    "id_token_hint": "who is to be signed out",
    "post_logout_redirect_uri": "where to come back to; must be registered",
    "error": "why it did not work",
    "error_description": "the same for developers",
    "prompt": "whether to ask again",
}


def sent_to(address: str) -> Exchange:
    """The browser is sent to the server."""
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
    """The browser comes back with an answer."""
    return Exchange(sender="browser", method=method, url=address, parameters=_explained(answer))


def _explained(fields: Mapping[str, str]) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, redact.value(name, text), _note(name, text)) for name, text in fields.items())


def _note(name: str, text: str) -> str:
    by_value = {"response_type": _RESPONSE_TYPES, "response_mode": _RESPONSE_MODES}.get(name)
    return by_value.get(text, "") if by_value else _NOTES.get(name, "")
