"""A device without a browser: it asks for codes, shows one, and polls. Plain HTTP, and Authlib where tokens come out."""

from typing import Any, Self

import httpx2

from tests.flows.relying_party import SCOPE, RelyingParty
from tests.support.browser import Browser, Page
from tests.support.stack import Stack

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Device(RelyingParty):
    """A client with the device grant: public unless it is registered otherwise."""

    codes: dict[str, Any]

    @classmethod
    async def new(cls, system: Stack, **metadata: Any) -> Self:
        members = {
            "client_name": "A television",
            "redirect_uris": [],
            "grant_types": [GRANT, "refresh_token"],
            "token_endpoint_auth_method": "none",
            **metadata,
        }
        return await cls.registered(system, **members)

    async def authorization_request(self, **form: str) -> httpx2.Response:
        """A bare device authorization request with this client's own authentication."""
        return await self.post("/device_authorization", form)

    async def ask(self, *, scope: str = SCOPE) -> dict[str, Any]:
        """Gets codes, and keeps them."""
        response = await self.authorization_request(scope=scope)
        assert response.status_code == 200, response.text
        self.codes = response.json()
        return self.codes

    async def poll(self, **form: str) -> httpx2.Response:
        return await self.post("/token", {"grant_type": GRANT, "device_code": self.codes["device_code"], **form})

    async def collect(self) -> dict[str, Any]:
        """The tokens, by way of Authlib."""
        token = await self.oauth.fetch_token(grant_type=GRANT, device_code=self.codes["device_code"])
        return dict(token)

    async def post(self, path: str, form: dict[str, str]) -> httpx2.Response:
        async with httpx2.AsyncClient(timeout=20) as client:
            url = f"{self.system.client_edge}{path}"
            if self.client_secret:
                return await client.post(url, data=form, auth=(self.client_id, self.client_secret))
            return await client.post(url, data={"client_id": self.client_id, **form})


async def open_confirmation(browser: Browser, device: Device, *, username: str = "alice") -> Page:
    """Types the device's code where the user is asked for it; signs in on the way if that is asked for."""
    page = await browser.open("/device")
    if page.name == "login":
        page = await browser.sign_in(username, f"{username}-password")
    assert page.name == "device", page.text
    return await browser.submit("device-continue", user_code=device.codes["user_code"])


async def allow(browser: Browser, device: Device, *, username: str = "alice") -> Page:
    await open_confirmation(browser, device, username=username)
    return await browser.submit("device-allow")
