"""CSRF tokens: only a page that this server sent to this browser may post a form (RFC 9700 4.7).

The token of a form is an HMAC under the secret of the browser's binding cookie, so no server key is needed and every
replica can check it. It covers the purpose and the subject of the form, and the session: a token from before a sign-in
is invalid after it, also for an attacker who planted the binding cookie.
"""

import base64
import hmac

from aiohttp import web

from libs.oauth.errors import AccessDenied
from libs.oauth.reasons import Reason


def token(browser_secret: str, *, purpose: str, subject: str, session_secret: str | None) -> str:
    """Returns the token for one form.

    Args:
        browser_secret: of the browser's binding cookie: the key.
        purpose: name of the form, for example "sign-in".
        subject: what the form is about: the id of the pending request, or the logout request.
        session_secret: of the browser's session cookie.
    """
    parts = [part.encode() for part in (purpose, subject, session_secret or "")]
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return base64.urlsafe_b64encode(hmac.digest(browser_secret.encode(), message, "sha256")).rstrip(b"=").decode()


def check(unverified: str, expected: str) -> None:
    """Raises AccessDenied unless the token is the expected one."""
    if not hmac.compare_digest(unverified.encode(), expected.encode()):
        raise refused()


def refused() -> AccessDenied:
    """The error for a form with a missing, expired or foreign token."""
    return AccessDenied(
        "The form's CSRF token does not match this browser and session.", reason=Reason.CSRF_TOKEN, redirectable=False
    )


def check_origin(request: web.BaseRequest, *, origin: str) -> None:
    """A second check, by what the browser says about the origin of the form.

    Pages have `Referrer-Policy: no-referrer`, and browsers then send `Origin: null` with their own form posts (Fetch,
    "append a request Origin header"). So `null` proves nothing, and Sec-Fetch-Site decides if the browser sends it.

    Raises:
        AccessDenied: FOREIGN_ORIGIN: the browser says that another site posted the form.
    """
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    sender = request.headers.get("Origin", "null")
    if site not in {"same-origin", "none"} or sender not in {"null", origin}:
        raise AccessDenied("The form was posted by another site.", reason=Reason.FOREIGN_ORIGIN, redirectable=False)
