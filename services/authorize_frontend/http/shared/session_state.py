"""The session_state parameter (OpenID Connect Session Management 1.0, 2 and 3.2)."""

import hashlib
from urllib.parse import urlsplit

from libs.crypto.random import new_secret
from libs.crypto.strict import base64url

_PURPOSE = b"latchkey browser state "
_DEFAULT_PORTS = {"http": 80, "https": 443}


def browser_state(session_secret: str | None) -> str:
    """Returns a digest of the session secret, for scripts. It changes with the session and gives no access to it.

    Empty if there is no session.
    """
    return base64url(hashlib.sha256(_PURPOSE + session_secret.encode()).digest()) if session_secret else ""


def session_state(client_id: str, *, redirect_uri: str, state: str, salt: str | None = None) -> str:
    """Returns the value for an authorization response. check_session.js computes it again and compares."""
    salt = salt or new_secret()
    hashed = hashlib.sha256(f"{client_id} {_origin(redirect_uri)} {state} {salt}".encode()).hexdigest()
    return f"{hashed}.{salt}"


def _origin(url: str) -> str:
    """Returns the origin in the serialization of browsers (RFC 6454 6.2)."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = "" if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
