"""The cookies of this service.

* `latchkey-session`: the session secret that the authentication service made.
* `latchkey-browser`: 256 random bits made here. Pending authorization requests are bound to it, and it keys the CSRF
  tokens of forms.
* `latchkey-attempt`: the secret of a sign-in attempt whose second step is pending.
* `latchkey-link`: the token of a link in an email, while the user signs in.
* `latchkey-language`: the language that the user chose, and the pending request at which; kept for a year.
* `latchkey-state`: for the script of /check-session: a digest of the session secret, which gives no access. Clients
  load that page in frames, so under https it is SameSite=None. Over http (loopback only) browsers refuse that, so
  there the frame works only for clients on the same host.

The others end with the browser session. The services that store the objects decide how long these live.
"""

from aiohttp import web

from libs.crypto.random import new_secret
from services.authorize_frontend.http.shared.parameters import is_opaque
from services.authorize_frontend.http.shared.session_state import browser_state

_YEAR_SECONDS = 365 * 24 * 3600


class Cookies:
    """Reads and sets the cookies: with `__Host-` and Secure under https, without both for an http (loopback) issuer."""

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
        """Returns the session secret; None if there is none or it is malformed."""
        return self._read(request, self.session_name)

    def link(self, request: web.BaseRequest) -> str | None:
        """Returns the token of a link; None if there is none or it is malformed."""
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

    def delete_link(self, response: web.StreamResponse) -> None:
        response.del_cookie(self.link_name, path="/", secure=self._secure, httponly=True, samesite="Lax")

    def browser(self, request: web.BaseRequest) -> str | None:
        """Returns the binding secret; None if there is none or it is malformed."""
        return self._read(request, self.browser_name)

    def attempt(self, request: web.BaseRequest) -> str | None:
        """Returns the secret of a sign-in attempt; None if there is none or it is malformed."""
        return self._read(request, self.attempt_name)

    def browser_or_new(self, request: web.BaseRequest) -> str:
        """Returns the binding secret, or a new one that the caller sets with `keep_browser`."""
        return self.browser(request) or new_secret()

    def language(self, request: web.BaseRequest) -> tuple[str, str]:
        """Returns the tag of the chosen language and the id of the pending request at which; both may be empty."""
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

    def delete_attempt(self, response: web.StreamResponse) -> None:
        response.del_cookie(self.attempt_name, path="/", secure=self._secure, httponly=True, samesite="Lax")

    def keep_browser(self, request: web.BaseRequest, response: web.StreamResponse, secret: str) -> None:
        """Sets the binding secret unless the browser has sent the same one."""
        if self.browser(request) != secret:
            self._set(response, self.browser_name, secret)

    def delete_all(self, response: web.StreamResponse) -> None:
        """Deletes the cookies of the session, the binding, the attempt and the session state."""
        for name in (self.session_name, self.browser_name, self.attempt_name):
            response.del_cookie(name, path="/", secure=self._secure, httponly=True, samesite="Lax")
        self.delete_state(response)

    def delete_state(self, response: web.StreamResponse) -> None:
        """Deletes the session state: the session check frame then reports that there is no session."""
        response.del_cookie(self.state_name, path="/", secure=self._secure, samesite="None" if self._secure else "Lax")

    def _read(self, request: web.BaseRequest, name: str) -> str | None:
        value = request.cookies.get(name, "")
        return value if is_opaque(value) else None

    def _set(self, response: web.StreamResponse, name: str, value: str, *, max_age: int | None = None) -> None:
        secure = self._secure or None
        response.set_cookie(name, value, path="/", secure=secure, httponly=True, samesite="Lax", max_age=max_age)
