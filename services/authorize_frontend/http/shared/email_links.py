"""Emails with a link: what a page shows if one cannot be sent, and the check of the token in the link."""

from typing import Final

from libs.languages.moments import wait_in_words
from libs.languages.translation import mark, translate
from libs.oauth.errors import InvalidRequest, OAuthError
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.parameters import is_opaque
from services.authorize_frontend.http.shared.refusals import Refusals

SENDING_PROBLEMS: Final = {
    Reason.ADDRESS_MALFORMED: mark("This email address is not valid. Please check it."),
    Reason.LETTERS_THROTTLED: mark("Too many requests. Please try again in %(wait)s."),
}


def sending_problem(refusals: Refusals, error: OAuthError) -> str:
    """Returns why the email was not sent, translated. Raises the error again if the page does not show its reason."""
    text = refusals.shown_for(error)
    return translate(text, wait=wait_in_words(error.retry_after or 1)) if "%(wait)s" in text else translate(text)


def require_link_token(unverified: str) -> str:
    """Returns the token of a link. Raises InvalidRequest LINK_UNKNOWN if it cannot be one."""
    if not is_opaque(unverified):
        raise InvalidRequest(
            "The link is invalid, was used, or has expired.", reason=Reason.LINK_UNKNOWN, redirectable=False
        )
    return unverified
