"""Finds the user that an operator names: by username, verified email address or user id."""

from services.authentication.domain.accounts.account import Account
from services.authentication.domain.accounts.email_addresses import address_key
from services.authentication.domain.accounts.usernames import ambiguous_user, lookup_key, unknown_user
from services.authentication.domain.ids import is_user_id
from services.authentication.ports.accounts import AccountFinder


async def find_user(accounts: AccountFinder, who: str) -> Account:
    """The one account that is not deleted and has this username, verified address or id.

    Raises:
        InvalidRequest: USER_UNKNOWN, USER_AMBIGUOUS.
    """
    found = await accounts.matching(
        user_id=who if is_user_id(who) else None, username_key=lookup_key(who), address_key=address_key(who)
    )
    if not found:
        raise unknown_user()
    if len(found) > 1:
        raise ambiguous_user()
    return found[0]
