"""Secrets as the page shows them: enough to recognise, too little to use."""

import base64
import binascii
import json
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

SECRETS = frozenset(
    {
        "access_token",
        "refresh_token",
        "id_token",
        "id_token_hint",
        "code",
        "code_verifier",
        "client_secret",
        "client_assertion",
        "device_code",
        "password",
    }
)


def shortened(secret: str) -> str:
    """The first characters of a secret and its length, for example `eyJhbGci… (812 characters)`."""
    shown = 8 if len(secret) >= 24 else 2 if len(secret) >= 8 else 0
    return f"{secret[:shown]}… ({len(secret)} characters)"


def value(name: str, text: str) -> str:
    """The value of a parameter, shortened when the name says that it is a secret."""
    return shortened(text) if name in SECRETS else text


def parameters(query: str) -> tuple[tuple[str, str], ...]:
    """The fields of a query or form body, secrets shortened."""
    return tuple((name, value(name, text)) for name, text in parse_qsl(query, keep_blank_values=True))


def url(address: str) -> str:
    """An address whose secret parameters are shortened."""
    parts = urlsplit(address)
    fields = parse_qsl(parts.query, keep_blank_values=True)
    if not any(name in SECRETS for name, _ in fields):
        return address
    query = "&".join(f"{name}={quote(text[:8] + '…' if name in SECRETS else text, safe='…')}" for name, text in fields)
    return urlunsplit(parts._replace(query=query))


def authorization(header: str) -> str:
    """An Authorization header with its secret part shortened."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return f"{scheme} {shortened(credentials)}"
        return f"{scheme} base64({client_id}:{shortened(secret)})"
    return f"{scheme} {shortened(credentials)}"


def document(content: Any) -> Any:
    """A JSON value in which the members that hold secrets are shortened."""
    if isinstance(content, dict):
        return {
            name: shortened(member) if name in SECRETS and isinstance(member, str) else document(member)
            for name, member in content.items()
        }
    if isinstance(content, list):
        return [document(member) for member in content]
    return content


def body(text: str, content_type: str) -> str:
    """A response body to show: JSON laid out, secrets shortened, everything else cut at 4000 characters."""
    if "json" in content_type:
        try:
            return json.dumps(document(json.loads(text)), indent=2, ensure_ascii=False)
        except ValueError:
            pass
    return text if len(text) <= 4000 else f"{text[:4000]}…"
