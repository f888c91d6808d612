"""What to do with a new client: lines to copy into a terminal."""

import base64
import hashlib
import secrets
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


def warnings(metadata: Mapping[str, Any]) -> list[str]:
    """Why what was just permitted is better left alone, where that is so."""
    types = {word for kind in metadata.get("response_types", ()) for word in kind.split()}
    told = []
    if "token" in types:
        told.append(
            "access tokens of the implicit flow travel through the browser, where history, scripts and other "
            "applications can get at them, and nothing binds them to this client (RFC 9700, 2.1.2). Response type code "
            "with PKCE does the same without that, in pages without a server too."
        )
    if "password" in metadata.get("grant_types", ()):
        told.append(
            "with the grant type password the application sees the passwords of people, no second factor can be asked "
            "for, and whoever breaks into it has them all. RFC 9700, 2.4, forbids it: use authorization_code, or the "
            "device flow where there is no browser."
        )
    if metadata.get("introspection") == "all":
        told.append("it may look into every access token of this server: for resource servers of your own only.")
    if metadata.get("request_object_signing_alg") == "none":
        told.append("anybody can write its unsigned request objects: they protect nothing.")
    return told


def for_client(metadata: Mapping[str, Any], *, client_id: str, secret: str, issuer: str, client_edge: str) -> list[str]:
    """Lines that get the client its first token; none when it is not known where to ask for it."""
    if not issuer or not client_edge:
        return []
    method = metadata.get("token_endpoint_auth_method", "")
    if method.endswith("_jwt"):
        return []  # nobody types a signature
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
    """With a browser; none where the client has no use for one."""
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
        return ["# sign in here: what the application gets is in the address that you are sent to", address]
    data = {"grant_type": "authorization_code", "redirect_uri": redirect_uris[0], "code_verifier": verifier}
    return [
        "# sign in here, and take CODE from the address that you are sent to (it lives a minute)",
        address,
        _curl(f"{client_edge}/token", authentication, data | {"code": "CODE"}),
    ]


def _protection(response_type: str, verifier: str) -> dict[str, str]:
    """What ties the answer to who asked: a challenge for a code, a nonce for an ID token."""
    words = response_type.split()
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return {
        **({"nonce": secrets.token_urlsafe(16)} if "id_token" in words else {}),
        **({"code_challenge": challenge, "code_challenge_method": "S256"} if "code" in words else {}),
    }


def _resource(metadata: Mapping[str, Any]) -> str | None:
    """One that it may name: the token is then of use there, and nowhere else."""
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
