"""An operator lists and finds users."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authentication.domain.accounts.account import Account, AccountState
from services.authentication.domain.accounts.email_addresses import address_key
from services.authentication.domain.accounts.search import parse_query
from services.authentication.domain.accounts.user_filter import UserFilter, UserOrder
from services.authentication.domain.accounts.usernames import MAX_KEY_CHARACTERS, lookup_key
from services.authentication.domain.ids import is_user_id
from services.authentication.ports.work import View

DEFAULT_PAGE = 100
MAX_PAGE = 500


@dataclass(frozen=True, kw_only=True)
class UserQuery:
    """A request of an operator; not validated."""

    size: int = 0
    token: str = ""
    query: str = ""
    email: str = ""
    state: AccountState | None = None
    """None: active and disabled users."""
    order: UserOrder = UserOrder.CREATED


@dataclass(frozen=True)
class Page:
    accounts: Sequence[Account]
    next_token: str
    """Empty on the last page."""


class ListUsers:
    def __init__(self, *, view: View) -> None:
        self._view = view

    async def __call__(self, unverified: UserQuery) -> Page:
        """One page of the users that are not deleted.

        Users who come or go between two pages neither repeat nor hide others.

        Raises:
            InvalidRequest: a negative size, or a token that is not of an earlier page in the same order.
        """
        if unverified.size < 0:
            raise InvalidRequest("page_size must not be negative.", reason=Reason.PAGE_SIZE_MALFORMED)
        order = unverified.order
        after = _position(unverified.token, order) if unverified.token else ""
        wanted = min(unverified.size or DEFAULT_PAGE, MAX_PAGE)
        address = address_key(unverified.email) if unverified.email else None
        if unverified.email and address is None:
            return Page((), next_token="")
        users = UserFilter(words=parse_query(unverified.query), address_key=address, state=unverified.state)
        async with self._view() as view:
            accounts = await view.accounts.page(users, order=order, after=after, size=wanted + 1)
        page = accounts[:wanted]
        return Page(page, next_token=_token(page[-1], order) if len(accounts) > wanted else "")


def _token(last: Account, order: UserOrder) -> str:
    if order is UserOrder.CREATED:
        return last.id
    return base64.urlsafe_b64encode((lookup_key(last.username) or "").encode()).decode()


def _position(token: str, order: UserOrder) -> str:
    """The sort key of the last user of the page before. Raises InvalidRequest."""
    malformed = InvalidRequest(
        "page_token is invalid: pass the next_page_token of an earlier response with the same order.",
        reason=Reason.PAGE_TOKEN_MALFORMED,
    )
    if order is UserOrder.CREATED:
        if not is_user_id(token):
            raise malformed
        return token
    try:
        key = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise malformed from None
    if not key or len(key) > MAX_KEY_CHARACTERS or not key.isprintable():
        raise malformed
    return key
