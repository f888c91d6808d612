"""What to do with a new client: lines to copy into a terminal."""

import base64
import hashlib
import secrets
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

_SECRET_METHODS = ("client_secret_basic", "client_secret_post")


def for_client(metadata: Mapping[str, Any], *, client_id: str, secret: str, issuer: str, client_edge: str) -> list[str]:
    """Lines that get the client its first token; none when it is not known where to ask for it."""
    if not issuer or not client_edge:
        return []
    authentication = _authentication(metadata.get("token_endpoint_auth_method", ""), client_id, secret)
    grants = metadata.get("grant_types", ())
    if "client_credentials" in grants:
        data = {"grant_type": "client_credentials"} | _some(scope=metadata.get("scope"))
        return [_curl(f"{client_edge}/token", authentication, data)]
    redirect_uris = metadata.get("redirect_uris", ())
    if "authorization_code" not in grants or not redirect_uris:
        return []
    return _code_flow(metadata, client_id, authentication, redirect_uris[0], issuer=issuer, client_edge=client_edge)


def _code_flow(
    metadata: Mapping[str, Any],
    client_id: str,
    authentication: list[str],
    redirect_uri: str,
    *,
    issuer: str,
    client_edge: str,
) -> list[str]:
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    question = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": metadata.get("scope") or "openid profile email",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    data = {"grant_type": "authorization_code", "redirect_uri": redirect_uri, "code_verifier": verifier, "code": "CODE"}
    return [
        "# sign in here, and take CODE from the address that you are sent to (it lives a minute)",
        f"{issuer}/authorize?{urlencode(question)}",
        _curl(f"{client_edge}/token", authentication, data),
    ]


def _authentication(method: str, client_id: str, secret: str) -> list[str]:
    if secret and method == "client_secret_post":
        return ["--data-urlencode", f"client_id={client_id}", "--data-urlencode", f"client_secret={secret}"]
    if secret:
        return ["--user", f"{client_id}:{secret}"]
    return ["--data-urlencode", f"client_id={client_id}"]


def _curl(url: str, authentication: list[str], data: Mapping[str, str]) -> str:
    fields = [part for name, value in data.items() for part in ("--data-urlencode", f"{name}={value}")]
    return shlex.join(["curl", *authentication, *fields, url])


def _some(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
