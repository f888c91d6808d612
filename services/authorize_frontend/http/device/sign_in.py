"""The sign-in page in front of the pages that connect a device."""

from datetime import UTC

from aiohttp import web

from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from libs.oauth.device_authorization import FRESH_SIGN_IN
from services.authorize_frontend.http.shared.edge import Edge, see_other
from services.authorize_frontend.http.shared.return_target import DEVICE_SIGN_IN, ReturnTarget
from services.authorize_frontend.http.sign_in.standalone import StandaloneSignIn


def signed_in_just_now(edge: Edge, session: GetSessionResponse) -> bool:
    """Returns whether the sign-in is recent enough to connect a device. Device and token check it again."""
    if not session.HasField("session"):
        return False
    return edge.clock.now() - session.session.authenticated_at.ToDatetime(tzinfo=UTC) <= FRESH_SIGN_IN


def redirect_to_device_sign_in(edge: Edge, user_code: str) -> web.Response:
    return see_other(ReturnTarget("user_code", user_code).sign_in(edge.site))


def device_sign_in(edge: Edge) -> StandaloneSignIn:
    return StandaloneSignIn(
        edge=edge,
        path=DEVICE_SIGN_IN,
        purpose="device-sign-in",
        destination="device",
        target_of=ReturnTarget.device,
        retry=ReturnTarget.after,
    )
