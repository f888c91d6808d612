"""The sign-in page in front of the pages of the account."""

from services.authorize_frontend.http.shared.edge import Edge
from services.authorize_frontend.http.shared.return_target import ACCOUNT_SIGN_IN, ReturnTarget
from services.authorize_frontend.http.sign_in.standalone import StandaloneSignIn


def account_sign_in(edge: Edge) -> StandaloneSignIn:
    return StandaloneSignIn(
        edge=edge,
        path=ACCOUNT_SIGN_IN,
        purpose="account-sign-in",
        destination="account",
        target_of=ReturnTarget.account_page,
        retry=ReturnTarget.sign_in,
    )
