"""Whether the state of the account still permits a grant, at the token endpoint and at userinfo."""

from libs.oauth.reasons import Reason
from services.token.domain.tokens.grants import Grant
from services.token.ports.tokens import Account


def account_refusal(grant: Grant, account: Account | None) -> Reason | None:
    """Return why a grant of this account is refused, or None.

    The authentication service is asked at every use of a grant. So an ended session, a changed password and a disabled
    account take effect at once, also when their events do not arrive.
    """
    if account is None or not account.active:
        return Reason.ACCOUNT_DISABLED
    if not (grant.offline or account.session_live):
        return Reason.SESSION_ENDED
    if account.grants_not_before is not None and grant.created_at < account.grants_not_before:
        return Reason.GRANT_REVOKED
    return None
