"""Where a sign-in leads: to a pending authorization request, to a page of the account, or to connecting a device.

The browser carries it from page to page, so it is checked on each page and leads only to paths of this server.
"""

import re
from dataclasses import dataclass
from typing import Literal

from services.authorize_frontend.http.shared.parameters import Parameters, is_opaque, single_value
from services.authorize_frontend.http.shared.user_codes import typed_code
from services.authorize_frontend.site import Site

ACCOUNT = "/account"
ACCOUNT_SIGN_IN = "/account/sign-in"
DEVICE_SIGN_IN = "/device/sign-in"
_PAGE = re.compile(r"/account(/[a-z][a-z-]{0,40}){0,3}")
"""Pages of the account, without a query: a link cannot make a sign-in end on another page."""


def account_page(path: str) -> str:
    """Returns the path if it is a page of the account, else the first page. The sign-in page is no return target."""
    return path if _PAGE.fullmatch(path) and path != ACCOUNT_SIGN_IN else ACCOUNT


@dataclass(frozen=True)
class ReturnTarget:
    kind: Literal["request", "to", "user_code"]
    value: str

    @classmethod
    def of(cls, parameters: Parameters) -> "ReturnTarget":
        """Reads the return target from a query or form; the account if there is none."""
        request_id = single_value(parameters, "request")
        if is_opaque(request_id):
            return cls("request", request_id)
        if any(name == "user_code" for name, _ in parameters):
            return cls.device(parameters)
        return cls.account_page(parameters)

    @classmethod
    def to_request(cls, request_id: str) -> "ReturnTarget":
        return cls("request", request_id)

    @classmethod
    def account_page(cls, parameters: Parameters) -> "ReturnTarget":
        return cls("to", account_page(single_value(parameters, "to")))

    @classmethod
    def device(cls, parameters: Parameters) -> "ReturnTarget":
        return cls("user_code", typed_code(parameters))

    @property
    def request_id(self) -> str:
        """Id of the pending authorization request; empty if there is none."""
        return self.value if self.kind == "request" else ""

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters that carry it to the next page."""
        return {self.kind: self.value}

    def after(self, site: Site) -> str:
        """Path for the browser after the sign-in."""
        if self.kind == "request":
            return site.path("/authorize/resume", request=self.value)
        if self.kind == "user_code":
            return site.path("/device", **({"user_code": self.value} if self.value else {}))
        return site.path(self.value)

    def sign_in(self, site: Site, **query: str) -> str:
        """Path of the first sign-in page."""
        path = {"request": "/sign-in", "user_code": DEVICE_SIGN_IN, "to": ACCOUNT_SIGN_IN}[self.kind]
        return site.path(path, **({self.kind: self.value} if self.value else {}), **query)

    def restart(self, site: Site) -> str:
        """Path at which the sign-in starts from the beginning."""
        return self.after(site) if self.kind == "request" else self.sign_in(site)
