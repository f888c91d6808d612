"""The pages for profile, data download and account deletion."""

from tests.browser.scenes import Stage, scene


@scene("account-profile")
async def _account_profile(stage: Stage) -> None:
    await stage.sign_in("/account/profile")


@scene("account-profile", name="account-profile-refused")
async def _account_profile_refused(stage: Stage) -> None:
    await stage.sign_in("/account/profile")
    await stage.page.fill("#birthdate", "yesterday")
    await stage.page.click("#profile-submit")


@scene("account-data")
async def _account_data(stage: Stage) -> None:
    await stage.sign_in("/account/data")


@scene("account-delete")
async def _account_delete(stage: Stage) -> None:
    await stage.sign_in("/account/delete")


@scene("account-delete", name="account-delete-refused")
async def _account_delete_refused(stage: Stage) -> None:
    await stage.sign_in("/account/delete")
    await stage.page.fill("#username", "another-user")
    await stage.page.click("#delete-submit")


@scene("account-deleted")
async def _account_deleted(stage: Stage) -> None:
    await stage.sign_in("/account/delete")
    await stage.page.fill("#username", stage.username)
    await stage.page.click("#delete-submit")
