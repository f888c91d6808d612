"""A device client (RFC 8628): requests codes, polls, and gets tokens through Authlib."""

from typing import Any, Self

import httpx2

from tests.flows.relying_party import SCOPE, RelyingParty
from tests.support.browser import Browser, Page
from tests.support.stack import Stack

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Device(RelyingParty):
    """A client with the device grant; public unless the metadata says otherwise."""

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
        """Sends a device authorization request with the authentication of this client."""
        return await self.post("/device_authorization", form)

    async def ask(self, *, scope: str = SCOPE) -> dict[str, Any]:
        """Requests codes and stores them."""
        response = await self.authorization_request(scope=scope)
        assert response.status_code == 200, response.text
        self.codes = response.json()
        return self.codes

    async def poll(self, **form: str) -> httpx2.Response:
        return await self.post("/token", {"grant_type": GRANT, "device_code": self.codes["device_code"], **form})

    async def collect(self) -> dict[str, Any]:
        """Gets the tokens through Authlib."""
        token = await self.oauth.fetch_token(grant_type=GRANT, device_code=self.codes["device_code"])
        return dict(token)

    async def post(self, path: str, form: dict[str, str]) -> httpx2.Response:
        async with httpx2.AsyncClient(timeout=20) as client:
            url = f"{self.system.client_edge}{path}"
            if self.client_secret:
                return await client.post(url, data=form, auth=(self.client_id, self.client_secret))
            return await client.post(url, data={"client_id": self.client_id, **form})


async def open_confirmation(browser: Browser, device: Device, *, username: str = "alice") -> Page:
    """Enters the user code on the device page, after signing in if the page requires it."""
    page = await browser.open("/device")
    if page.name == "login":
        page = await browser.sign_in(username, f"{username}-password")
    assert page.name == "device", page.text
    return await browser.submit("device-continue", user_code=device.codes["user_code"])


async def allow(browser: Browser, device: Device, *, username: str = "alice") -> Page:
    await open_confirmation(browser, device, username=username)
    return await browser.submit("device-allow")
