"""An operator looks through the users."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authentication.domain.accounts.account import Account
from services.authentication.domain.ids import is_id
from services.authentication.ports.work import View

DEFAULT_PAGE = 100
MAX_PAGE = 500


@dataclass(frozen=True)
class Page:
    accounts: Sequence[Account]
    next_token: str
    """Empty on the last page."""


class ListUsers:
    def __init__(self, *, view: View) -> None:
        self._view = view

    async def __call__(self, *, size: int, token: str) -> Page:
        """One page, oldest first; users who come or go between two pages neither repeat nor hide others.

        Raises:
            InvalidRequest: a negative size, or a token that is not of an earlier page.
        """
        if size < 0:
            raise InvalidRequest("page_size must not be negative.", reason=Reason.PAGE_SIZE_MALFORMED)
        if token and not is_id(token):
            raise InvalidRequest(
                "page_token is invalid: pass the next_page_token of an earlier response.",
                reason=Reason.PAGE_TOKEN_MALFORMED,
            )
        wanted = min(size or DEFAULT_PAGE, MAX_PAGE)
        async with self._view() as view:
            accounts = await view.accounts.page(after=token, size=wanted + 1)
        page = accounts[:wanted]
        return Page(page, next_token=page[-1].id if len(accounts) > wanted else "")
