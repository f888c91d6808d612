"""Commands that get a new client its first token, and warnings about its metadata."""

import base64
import hashlib
import secrets
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


def warnings(metadata: Mapping[str, Any]) -> list[str]:
    """Warnings about insecure metadata values."""
    types = {word for kind in metadata.get("response_types", ()) for word in kind.split()}
    texts = []
    if "token" in types:
        texts.append(
            "access tokens of the implicit flow are exposed to browser history, scripts and other applications, and "
            "are not bound to this client (RFC 9700 section 2.1.2). Use response type code with PKCE instead; it also "
            "works in single-page applications."
        )
    if "password" in metadata.get("grant_types", ()):
        texts.append(
            "with the grant type password the application sees users' passwords, and two-step verification is not "
            "possible. RFC 9700 section 2.4 forbids it: use authorization_code, or the device flow if there is no "
            "browser."
        )
    if metadata.get("introspection") == "all":
        texts.append(
            "this client may introspect every access token of this server. Permit that only for your resource servers."
        )
    is_public = metadata.get("token_endpoint_auth_method") == "none"
    if is_public and metadata.get("consent") == "skip" and any(map(_is_private, metadata.get("redirect_uris", ()))):
        texts.append(
            "without consent, another application on the user's device can get tokens as this client: its redirect URI "
            "is on a loopback address or has a private-use scheme (RFC 8252 section 8.6)."
        )
    if metadata.get("request_object_signing_alg") == "none":
        texts.append("unsigned request objects are not protected against modification.")
    return texts


def _is_private(uri: str) -> bool:
    return not uri.startswith("https://")


def for_client(metadata: Mapping[str, Any], *, client_id: str, secret: str, issuer: str, client_edge: str) -> list[str]:
    """Commands that get a first token; empty when the URLs of the server are unknown."""
    if not issuer or not client_edge:
        return []
    method = metadata.get("token_endpoint_auth_method", "")
    if method.endswith("_jwt"):
        return []  # a signed assertion cannot be typed
    authentication = _authentication(method, client_id, secret)
    grants = metadata.get("grant_types", ())
    if DEVICE_CODE in grants and not secret:
        return [shlex.join(["latchkey", "login", "--device", "--client-id", client_id])]
    if "client_credentials" in grants:
        data = {"grant_type": "client_credentials"} | _some(scope=metadata.get("scope"), resource=_resource(metadata))
        return [_curl(f"{client_edge}/token", authentication, data)]
    return _sign_in(metadata, client_id, authentication, issuer=issuer, client_edge=client_edge)


def _sign_in(
    metadata: Mapping[str, Any], client_id: str, authentication: list[str], *, issuer: str, client_edge: str
) -> list[str]:
    """Commands for a sign-in with a browser; empty when the client has no redirect URI."""
    grants = metadata.get("grant_types", ())
    response_types = metadata.get("response_types") or (["code"] if "authorization_code" in grants else [])
    redirect_uris = metadata.get("redirect_uris", ())
    if not response_types or not redirect_uris:
        return []
    response_type = "code" if "code" in response_types else response_types[0]
    verifier = secrets.token_urlsafe(32)
    question = {
        "response_type": response_type,
        "client_id": client_id,
        "redirect_uri": redirect_uris[0],
        "scope": metadata.get("scope") or "openid profile email",
        **_protection(response_type, verifier),
        **_some(resource=_resource(metadata)),
    }
    address = f"{issuer}/authorize?{urlencode(question)}"
    if "code" not in response_type.split():
        return ["# Sign in here. The response is in the fragment of the redirect URI:", address]
    data = {"grant_type": "authorization_code", "redirect_uri": redirect_uris[0], "code_verifier": verifier}
    return [
        "# Sign in here and copy CODE from the redirect URI (valid for one minute):",
        address,
        _curl(f"{client_edge}/token", authentication, data | {"code": "CODE"}),
    ]


def _protection(response_type: str, verifier: str) -> dict[str, str]:
    """A code_challenge for a code, a nonce for an ID token."""
    words = response_type.split()
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return {
        **({"nonce": secrets.token_urlsafe(16)} if "id_token" in words else {}),
        **({"code_challenge": challenge, "code_challenge_method": "S256"} if "code" in words else {}),
    }


def _resource(metadata: Mapping[str, Any]) -> str | None:
    """The first resource that the client may request tokens for."""
    return next(iter(metadata.get("resources", ())), None)


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
