"""Every page, with the steps that lead to it. A test checks that each page has a scene."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx2
from playwright.async_api import Page

from tests.flows.device import Device
from tests.flows.initial_tokens import initial_token
from tests.flows.relying_party import RelyingParty
from tests.flows.users import new_user
from tests.support.mailbox import Mailbox
from tests.support.stack import Stack

CALLBACK = "https://client.example/callback"


@dataclass
class Stage:
    """A browser page of the real system, and the username of a user without an account."""

    system: Stack
    page: Page
    username: str = ""
    device: Device | None = field(default=None)
    mailbox: Mailbox | None = None
    """Receives the emails of the system."""

    async def open(self, path: str) -> None:
        await self.page.goto(self.system.issuer + path)

    async def sign_in(self, path: str = "/account") -> None:
        """Creates a user, signs in, and opens a page of the account."""
        self.username, _ = await new_user(self.system)
        await self.open("/account/sign-in")
        await self.type_password()
        if path != "/account":
            await self.open(path)

    async def type_password(self) -> None:
        if not self.username:
            self.username, _ = await new_user(self.system)
        await self.page.fill("#username", self.username)
        await self.page.fill("#password", f"{self.username}-password")
        await self.page.click("#login-submit")

    async def ask(self, *, to: str = CALLBACK, **parameters: str) -> None:
        """Starts an authorization request of a client that an operator has registered."""
        client = await RelyingParty.registered(
            self.system,
            client_name="Acme Notes",
            redirect_uris=[to],
            policy_uri="https://client.example/privacy",
            tos_uri="https://client.example/terms",
        )
        await self.page.goto(client.start(**parameters).url)

    async def ask_as_self_registered(self) -> None:
        """Starts an authorization request of a self-registered client."""
        metadata = {
            "client_name": "Totally Your Bank",
            "redirect_uris": [CALLBACK],
            "token_endpoint_auth_method": "none",
        }
        headers = {"Authorization": f"Bearer {await initial_token(self.system)}"}
        async with httpx2.AsyncClient(timeout=20) as http:
            made = (await http.post(f"{self.system.client_edge}/register", json=metadata, headers=headers)).json()
        client = RelyingParty(self.system, client_id=made["client_id"], client_secret=None, redirect_uri=CALLBACK)
        await self.page.goto(client.start().url)

    async def type_code(self, *, code: str = "") -> None:
        """Opens the device page as a new user and enters a code, by default of a new device code request."""
        self.device = await Device.new(self.system, scope="openid profile offline_access orders:read")
        codes = await self.device.ask(scope="openid profile offline_access orders:read")
        await self.open("/device")
        await self.type_password()
        await self.page.fill("#user-code", code or codes["user_code"])
        await self.page.click("#device-continue")


Scene = Callable[[Stage], Awaitable[None]]
SCENES: dict[str, tuple[str, Scene]] = {}
"""Name of the screenshot -> `data-page` and the steps."""


def scene(page: str, *, name: str = "") -> Callable[[Scene], Scene]:
    def keep(way: Scene) -> Scene:
        SCENES[name or page] = (page, way)
        return way

    return keep


@scene("home", name="home-signed-out")
async def _home(stage: Stage) -> None:
    await stage.open("/")


@scene("home")
async def _home_signed_in(stage: Stage) -> None:
    await stage.sign_in("/")


@scene("login")
async def _login(stage: Stage) -> None:
    await stage.ask()


@scene("login", name="login-refused")
async def _login_refused(stage: Stage) -> None:
    await stage.ask()
    await stage.page.fill("#username", secrets.token_hex(8))
    await stage.page.fill("#password", "not the password")
    await stage.page.click("#login-submit")


@scene("login", name="login-for-the-account")
async def _login_account(stage: Stage) -> None:
    await stage.open("/account/sign-in")


@scene("login", name="login-for-a-device")
async def _login_device(stage: Stage) -> None:
    await stage.open("/device")


@scene("consent")
async def _consent(stage: Stage) -> None:
    await stage.ask(scope="openid profile email address phone offline_access", prompt="consent")
    await stage.type_password()


@scene("consent", name="consent-unchecked")
async def _consent_unchecked(stage: Stage) -> None:
    await stage.ask_as_self_registered()
    await stage.type_password()


@scene("account")
async def _account(stage: Stage) -> None:
    await stage.ask(to=f"{stage.system.client_edge}/callback", prompt="consent")
    await stage.type_password()
    await stage.page.click("#consent-allow")
    await stage.page.wait_for_url(f"{stage.system.client_edge}/callback**")
    await stage.open("/account")


@scene("account-password")
async def _account_password(stage: Stage) -> None:
    await stage.sign_in("/account/password")


@scene("account-password", name="account-password-refused")
async def _account_password_refused(stage: Stage) -> None:
    await stage.sign_in("/account/password")
    await stage.page.fill("#current-password", "not the password")
    await stage.page.fill("#new-password", "correct horse battery staple")
    await stage.page.click("#password-submit")


@scene("error", name="error-link-is-over")
async def _link_over(stage: Stage) -> None:
    await stage.open(f"/password/reset?token={secrets.token_urlsafe(32)}")


@scene("device")
async def _device(stage: Stage) -> None:
    await stage.open("/device")
    await stage.type_password()


@scene("device", name="device-refused")
async def _device_refused(stage: Stage) -> None:
    await stage.type_code(code="BCDF-GHJK")


@scene("device-confirm")
async def _device_confirm(stage: Stage) -> None:
    await stage.type_code()


@scene("device-done", name="device-allowed")
async def _device_allowed(stage: Stage) -> None:
    await stage.type_code()
    await stage.page.click("#device-allow")


@scene("device-done", name="device-denied")
async def _device_denied(stage: Stage) -> None:
    await stage.type_code()
    await stage.page.click("#device-deny")


@scene("form-post")
async def _form_post(stage: Stage) -> None:
    """Blocks the automatic submit."""
    await stage.page.route("https://client.example/**", lambda route: route.fulfill(status=204))
    await stage.ask(response_mode="form_post")
    await stage.type_password()
    if await stage.page.locator("#consent-allow").count():
        await stage.page.click("#consent-allow")


@scene("continue")
async def _continue(stage: Stage) -> None:
    """The client does not answer with a page, so the browser stays."""
    await stage.page.route("https://client.example/**", lambda route: route.fulfill(status=204))
    await stage.ask()
    await stage.type_password()
    if await stage.page.locator("#consent-allow").count():
        await stage.page.click("#consent-allow")


@scene("logout")
async def _logout(stage: Stage) -> None:
    await stage.sign_in("/logout")


@scene("signed-out")
async def _signed_out(stage: Stage) -> None:
    await stage.sign_in("/logout")
    await stage.page.click("#logout-confirm")


@scene("error", name="error-not-found")
async def _error_not_found(stage: Stage) -> None:
    await stage.open("/nothing-here")


@scene("error", name="error-gone")
async def _error_gone(stage: Stage) -> None:
    await stage.open("/sign-in?request=of-long-ago")


@scene("error", name="error-refused")
async def _error_refused(stage: Stage) -> None:
    await stage.open("/authorize?client_id=unknown")


@scene("error", name="error-stale")
async def _error_stale(stage: Stage) -> None:
    await stage.sign_in("/account/password")
    await stage.page.context.clear_cookies()
    await stage.page.fill("#current-password", "some password")
    await stage.page.fill("#new-password", "another password")
    await stage.page.click("#password-submit")
