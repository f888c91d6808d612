"""What a new password has to be (NIST SP 800-63B-4 3.1.1: a length, and no rules of composition)."""

import unicodedata

from libs.crypto.passwords import MAX_PASSWORD_BYTES
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason

MIN_CHARACTERS = 8


def check_password(password: str) -> None:
    """Checks the length of a new password.

    Raises:
        InvalidRequest: fewer than MIN_CHARACTERS after NFKC, or more than MAX_PASSWORD_BYTES before or after it.
    """
    normal = "" if len(password) > MAX_PASSWORD_BYTES else unicodedata.normalize("NFKC", password)
    if max(len(password.encode()), len(normal.encode())) > MAX_PASSWORD_BYTES:
        raise InvalidRequest(
            f"The password must have at most {MAX_PASSWORD_BYTES} bytes.", reason=Reason.PASSWORD_TOO_LONG
        )
    if len(normal) < MIN_CHARACTERS or not normal.strip():
        raise InvalidRequest(
            f"The password must have at least {MIN_CHARACTERS} characters.", reason=Reason.PASSWORD_TOO_SHORT
        )
