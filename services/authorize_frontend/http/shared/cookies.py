"""The cookies of this edge.

`latchkey-session` holds the session secret that the authentication service made. `latchkey-browser` holds 256 random
bits made here: pending authorization requests are bound to it, and it keys the CSRF tokens of our forms. Both end with
the browser; how long what they stand for lives is decided by the services that store it. `latchkey-language` is the one
that stays: a language that somebody chose, and the pending request at which they did. `latchkey-attempt` holds the
secret of a sign-in whose second step is to come; it is the authentication service's as well. `latchkey-link` keeps the
link of a letter while whoever opened it signs in.

`latchkey-state` is for the script of /check-session alone: it tells one session from another and opens nothing. Clients
load that page in frames, so under https it is SameSite=None; over http, which is for loopback hosts, browsers take that
from nobody, and there the frame works for clients on the same host.
"""

from aiohttp import web

from libs.crypto.random import new_secret
from services.authorize_frontend.http.shared.parameters import is_opaque
from services.authorize_frontend.http.shared.session_state import browser_state

_YEAR_SECONDS = 365 * 24 * 3600


class Cookies:
    """Reads and sets them. `__Host-` and Secure under https; without both for an http (loopback) issuer."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        prefix = "__Host-" if secure else ""
        self.session_name = f"{prefix}latchkey-session"
        self.browser_name = f"{prefix}latchkey-browser"
        self.state_name = f"{prefix}latchkey-state"
        self.language_name = f"{prefix}latchkey-language"
        self.attempt_name = f"{prefix}latchkey-attempt"
        self.link_name = f"{prefix}latchkey-link"

    def session(self, request: web.BaseRequest) -> str | None:
        """The session secret; None when there is none or it cannot be one."""
        return self._read(request, self.session_name)

    def link(self, request: web.BaseRequest) -> str | None:
        """The secret of a link; None when there is none or it cannot be one."""
        return self._read(request, self.link_name)

    def keep_link(self, response: web.StreamResponse, secret: str, *, seconds: int) -> None:
        response.set_cookie(
            self.link_name,
            secret,
            path="/",
            max_age=seconds,
            secure=self._secure or None,
            httponly=True,
            samesite="Lax",
        )

    def forget_link(self, response: web.StreamResponse) -> None:
        response.del_cookie(self.link_name, path="/", secure=self._secure, httponly=True, samesite="Lax")

    def browser(self, request: web.BaseRequest) -> str | None:
        """The binding secret; None when there is none or it cannot be one."""
        return self._read(request, self.browser_name)

    def attempt(self, request: web.BaseRequest) -> str | None:
        """The secret of a sign-in between its two steps; None when there is none or it cannot be one."""
        return self._read(request, self.attempt_name)

    def browser_or_new(self, request: web.BaseRequest) -> str:
        """The binding secret, or a fresh one that still has to be set (`keep_browser`)."""
        return self.browser(request) or new_secret()

    def language(self, request: web.BaseRequest) -> tuple[str, str]:
        """The tag that was chosen, and the id of the pending request at which; both may be empty."""
        tag, _, request_id = request.cookies.get(self.language_name, "").partition(".")
        return tag, request_id

    def keep_language(self, response: web.StreamResponse, tag: str, request_id: str) -> None:
        self._set(response, self.language_name, f"{tag}.{request_id}", max_age=_YEAR_SECONDS)

    def set_session(self, response: web.StreamResponse, secret: str) -> None:
        self._set(response, self.session_name, secret)
        response.set_cookie(
            self.state_name,
            browser_state(secret),
            path="/",
            secure=self._secure or None,
            samesite="None" if self._secure else "Lax",
        )

    def set_attempt(self, response: web.StreamResponse, secret: str) -> None:
        self._set(response, self.attempt_name, secret)

    def forget_attempt(self, response: web.StreamResponse) -> None:
        response.del_cookie(self.attempt_name, path="/", secure=self._secure, httponly=True, samesite="Lax")

    def keep_browser(self, request: web.BaseRequest, response: web.StreamResponse, secret: str) -> None:
        """Sets the binding secret unless the browser sent this very one."""
        if self.browser(request) != secret:
            self._set(response, self.browser_name, secret)

    def forget(self, response: web.StreamResponse) -> None:
        """Ends all of them: what this browser had begun ends with its session."""
        for name in (self.session_name, self.browser_name, self.attempt_name):
            response.del_cookie(name, path="/", secure=self._secure, httponly=True, samesite="Lax")
        self.forget_state(response)

    def forget_state(self, response: web.StreamResponse) -> None:
        """The frame says from now on that nobody is signed in; forms that are open elsewhere keep their session."""
        response.del_cookie(self.state_name, path="/", secure=self._secure, samesite="None" if self._secure else "Lax")

    def _read(self, request: web.BaseRequest, name: str) -> str | None:
        value = request.cookies.get(name, "")
        return value if is_opaque(value) else None

    def _set(self, response: web.StreamResponse, name: str, value: str, *, max_age: int | None = None) -> None:
        secure = self._secure or None
        response.set_cookie(name, value, path="/", secure=secure, httponly=True, samesite="Lax", max_age=max_age)
