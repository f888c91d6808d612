"""Email addresses: validation and comparison.

An email goes to the address of the account, never to the typed one: two addresses that fold to the same key
may belong to two users (a dotless i, say), and only one of them is the account's.
"""

import re
import unicodedata

from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason

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
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    found = f"{local}@{ascii_domain}"
    return found if len(found) <= MAX_ADDRESS and _WRITABLE.fullmatch(found) else None


def check_address(typed: str) -> str:
    """What a user gives as their address, without blanks around it.

    Raises:
        InvalidRequest: no email could be sent to it.
    """
    address = typed.strip()
    if writable(address) is None:
        raise InvalidRequest("email is not a deliverable email address.", reason=Reason.ADDRESS_MALFORMED)
    return address


def address_key(address: str | None) -> str | None:
    """What an account is found by; equal for addresses that differ in case or Unicode form only."""
    if not address or len(address) > MAX_ADDRESS:
        return None
    key = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", address).casefold()).strip()
    return key if key and "@" in key and key.isprintable() and len(key) <= 2 * MAX_ADDRESS else None
