"""The pages for second factors."""

from html import unescape
from urllib.parse import parse_qs, urlsplit

from tests.browser.scenes import Stage, scene
from tests.browser.virtual_authenticator import VirtualAuthenticator
from tests.flows.authenticator import Authenticator


async def with_app(stage: Stage) -> Authenticator:
    """Creates a user, signs in, and sets up an authenticator app."""
    await stage.sign_in("/account/authenticator")
    link = unescape(await stage.page.get_attribute("#totp-uri", "href") or "")
    app = Authenticator(parse_qs(urlsplit(link).query)["secret"][0])
    await stage.page.fill("#totp-code", app.code())
    await stage.page.click("#totp-submit")
    await stage.page.wait_for_selector("main[data-page=account-recovery-codes]")
    return app


async def again(stage: Stage) -> None:
    """Signs the same user in without cookies, up to the second step."""
    await stage.page.context.clear_cookies()
    await stage.open("/account/sign-in")
    await stage.type_password()


@scene("account-authenticator")
async def _authenticator(stage: Stage) -> None:
    await stage.sign_in("/account/authenticator")


@scene("account-authenticator", name="account-authenticator-refused")
async def _authenticator_refused(stage: Stage) -> None:
    await stage.sign_in("/account/authenticator")
    await stage.page.fill("#totp-code", "000000")
    await stage.page.click("#totp-submit")


@scene("account-recovery-codes", name="account-recovery-codes-offered")
async def _recovery_codes_offered(stage: Stage) -> None:
    await with_app(stage)


@scene("account-recovery-codes")
async def _recovery_codes(stage: Stage) -> None:
    await with_app(stage)
    await stage.page.click("#recovery-create")
    await stage.page.wait_for_selector("#recovery-done")


@scene("account", name="account-with-factors")
async def _account_with_factors(stage: Stage) -> None:
    await with_app(stage)
    await stage.page.click("#recovery-create")
    await stage.page.wait_for_selector("#recovery-done")
    await stage.open("/account")


@scene("second-step")
async def _second_step(stage: Stage) -> None:
    await with_app(stage)
    await again(stage)


@scene("second-step", name="second-step-refused")
async def _second_step_refused(stage: Stage) -> None:
    await with_app(stage)
    await again(stage)
    await stage.page.fill("#totp-code", "000000")
    await stage.page.click("#totp-submit")


@scene("step-up")
async def _step_up(stage: Stage) -> None:
    await stage.sign_in()
    await stage.ask(acr_values="urn:latchkey:acr:mfa")


async def with_passkey(stage: Stage) -> VirtualAuthenticator:
    authenticator = await VirtualAuthenticator.of(stage.page)
    await stage.sign_in("/account/passkey")
    await stage.page.fill("#passkey-name", "My laptop")
    await stage.page.click("#passkey-submit")
    await stage.page.wait_for_selector("main[data-page=account-recovery-codes]")
    return authenticator


@scene("account-passkey")
async def _passkey(stage: Stage) -> None:
    await stage.sign_in("/account/passkey")
    await stage.page.wait_for_selector("#passkey-submit")


@scene("account-passkey", name="account-passkey-refused")
async def _passkey_refused(stage: Stage) -> None:
    await with_passkey(stage)
    await stage.open("/account/passkey")
    await stage.page.click("#passkey-submit")
    await stage.page.wait_for_selector("#passkey-problem")


@scene("account", name="account-with-passkey")
async def _account_with_passkey(stage: Stage) -> None:
    await with_passkey(stage)
    await stage.open("/account")


@scene("second-step", name="second-step-passkey")
async def _second_step_passkey(stage: Stage) -> None:
    authenticator = await with_passkey(stage)
    await authenticator.answers(by_itself=False)
    await stage.page.click("#recovery-create")
    await stage.page.wait_for_selector("#recovery-done")
    await again(stage)
    await stage.page.wait_for_selector("#passkey-submit")


@scene("second-step", name="second-step-recovery")
async def _second_step_recovery(stage: Stage) -> None:
    await with_app(stage)
    await stage.page.click("#recovery-create")
    await stage.page.wait_for_selector("#recovery-done")
    await again(stage)
    await stage.page.click("#way-recovery")
