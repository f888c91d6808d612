"""What tells a client's page that the session has changed (OpenID Connect Session Management 1.0, 2 and 3.2)."""

import hashlib
from urllib.parse import urlsplit

from libs.crypto.random import new_secret
from libs.crypto.strict import base64url

_PURPOSE = b"latchkey browser state "
_DEFAULT_PORTS = {"http": 80, "https": 443}


def browser_state(session_secret: str | None) -> str:
    """What pages of other origins' scripts may know of a session: it changes when the session does, and opens nothing.

    Empty when nobody is signed in.
    """
    return base64url(hashlib.sha256(_PURPOSE + session_secret.encode()).digest()) if session_secret else ""


def session_state(client_id: str, *, redirect_uri: str, state: str, salt: str | None = None) -> str:
    """The parameter of an authorization response, which check_session.js computes again from what it sees then."""
    salt = salt or new_secret()
    hashed = hashlib.sha256(f"{client_id} {_origin(redirect_uri)} {state} {salt}".encode()).hexdigest()
    return f"{hashed}.{salt}"


def _origin(url: str) -> str:
    """As browsers write the origin of a page (RFC 6454 6.2)."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = "" if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
