"""Email addresses: validation and comparison.

An email goes to the address of the account, never to the typed one: two addresses that fold to the same key
may belong to two users (a dotless i, say), and only one of them is the account's.
"""

import re

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authentication.domain.accounts.normalisation import ascii_domain, fold_address

MAX_ADDRESS = 254
"""RFC 5321 4.5.3.1.3, without the angle brackets."""
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
# RFC 5322 3.4.1 without quoted strings, comments and domain literals: nothing in it can end a header or begin another.
_WRITABLE = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")


def writable(address: str | None) -> str | None:
    """The address as an email can be sent to it, in ASCII; None when it cannot."""
    if not address or len(address) > MAX_ADDRESS:
        return None
    local, _, domain = address.rpartition("@")
    sent_to = domain if domain.isascii() else ascii_domain(domain)
    found = f"{local}@{sent_to}"
    return found if sent_to and len(found) <= MAX_ADDRESS and _WRITABLE.fullmatch(found) else None


def check_address(typed: str) -> str:
    """The address that an email is sent to, with the domain in ASCII. Ignores blanks around what a user gives.

    Raises:
        InvalidRequest: no email could be sent to it.
    """
    address = writable(typed.strip())
    if address is None:
        raise InvalidRequest("email is not a deliverable email address.", reason=Reason.ADDRESS_MALFORMED)
    return address


def address_taken() -> InvalidRequest:
    """The error for a verified address that another account has: a verified address belongs to one account."""
    return InvalidRequest(
        "email is the verified address of another account.", reason=Reason.ADDRESS_TAKEN, redirectable=False
    )


def address_key(address: str | None) -> str | None:
    """What an account is found by; equal for addresses that differ in case, Unicode form or form of the domain only."""
    if not address or len(address) > MAX_ADDRESS:
        return None
    key = fold_address(address).strip()
    return key if key and "@" in key and key.isprintable() and len(key) <= 2 * MAX_ADDRESS else None
