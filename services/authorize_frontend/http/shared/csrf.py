"""Only a page that we gave to this browser may post to us (RFC 9700 4.7).

The token of a form is an HMAC under the secret of the browser's binding cookie, so no server key is needed and every
replica can check it. It covers the purpose, what the form is about, and the session: a token from before a sign-in is
no good after it, even to somebody who planted the binding cookie.
"""

import base64
import hmac

from aiohttp import web

from libs.oauth.errors import AccessDenied
from libs.oauth.reasons import Reason


def token(browser_secret: str, *, purpose: str, subject: str, session_secret: str | None) -> str:
    """The token for one form.

    Args:
        browser_secret: of the browser's binding cookie: the key.
        purpose: which form, for example "sign-in".
        subject: what the form is about: the id of the pending request, or the logout request.
        session_secret: of the browser's session cookie.
    """
    parts = [part.encode() for part in (purpose, subject, session_secret or "")]
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return base64.urlsafe_b64encode(hmac.digest(browser_secret.encode(), message, "sha256")).rstrip(b"=").decode()


def check(unverified: str, expected: str) -> None:
    """Raises: AccessDenied when the token is not the expected one."""
    if not hmac.compare_digest(unverified.encode(), expected.encode()):
        raise AccessDenied("The page is out of date.", reason=Reason.CSRF_TOKEN, redirectable=False)


def check_origin(request: web.BaseRequest, *, origin: str) -> None:
    """A second net: what the browser says about where the form was posted from.

    Our pages send `Referrer-Policy: no-referrer`, and browsers then put `Origin: null` on their own form posts (Fetch,
    "append a request Origin header"); so null proves nothing either way, and Sec-Fetch-Site decides where it is sent.

    Raises:
        AccessDenied: the browser says that another site posted it.
    """
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    sender = request.headers.get("Origin", "null")
    if site not in {"same-origin", "none"} or sender not in {"null", origin}:
        raise AccessDenied("The form was not sent by our page.", reason=Reason.FOREIGN_ORIGIN, redirectable=False)
