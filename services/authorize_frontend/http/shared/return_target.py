"""Where a sign-in goes on to: back to an application's request, to a page of the account, or to connecting a device.

The browser carries it from page to page, so it is judged here each time: it leads to paths of ours and nowhere else.
"""

import re
from dataclasses import dataclass
from typing import Literal

from services.authorize_frontend.http.shared.parameters import Parameters, is_opaque, only
from services.authorize_frontend.http.shared.user_codes import typed_code
from services.authorize_frontend.site import Site

ACCOUNT = "/account"
ACCOUNT_SIGN_IN = "/account/sign-in"
_PAGE = re.compile(r"/account(/[a-z][a-z-]{0,40}){0,3}")
"""Pages of the account: ours, without a query, so that no link makes a sign-in end elsewhere."""


def account_page(to: str) -> str:
    """A page of the account; what is none is the first one. Signing in leads to itself from nowhere."""
    return to if _PAGE.fullmatch(to) and to != ACCOUNT_SIGN_IN else ACCOUNT


@dataclass(frozen=True)
class Onward:
    kind: Literal["request", "to", "user_code"]
    value: str

    @classmethod
    def of(cls, parameters: Parameters) -> "Onward":
        """What a page of ours was given; whatever makes no sense leads to the account."""
        request_id = only(parameters, "request")
        if is_opaque(request_id):
            return cls("request", request_id)
        if any(name == "user_code" for name, _ in parameters):
            return cls("user_code", typed_code(parameters))
        return cls("to", account_page(only(parameters, "to")))

    @classmethod
    def to_request(cls, request_id: str) -> "Onward":
        return cls("request", request_id)

    @property
    def request_id(self) -> str:
        """Of the application's request; empty when there is none."""
        return self.value if self.kind == "request" else ""

    @property
    def parameters(self) -> dict[str, str]:
        """What carries it to the next page."""
        return {self.kind: self.value}

    def after(self, site: Site) -> str:
        """Where the browser goes when the person is signed in."""
        if self.kind == "request":
            return site.path("/authorize/resume", request=self.value)
        if self.kind == "user_code":
            return site.path("/device", **({"user_code": self.value} if self.value else {}))
        return site.path(self.value)

    def sign_in(self, site: Site, **more: str) -> str:
        """The page where the sign-in begins; `more` is said to it."""
        path = {"request": "/sign-in", "user_code": "/device/sign-in", "to": ACCOUNT_SIGN_IN}[self.kind]
        return site.path(path, **({self.kind: self.value} if self.value else {}), **more)

    def again(self, site: Site) -> str:
        """Where all of it begins anew."""
        return self.after(site) if self.kind == "request" else self.sign_in(site)
