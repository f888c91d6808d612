"""The page that sets up an authenticator app: a QR code, and a field for the first code."""

from typing import ClassVar

import segno
from aiohttp import web
from markupsafe import Markup

from latchkey.authentication.v1.factors_pb2 import ConfirmTotpRequest, StartTotpRequest
from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from libs.crypto.one_time_passwords import as_base32, provisioning_uri
from libs.languages.translation import mark
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.account.enrolment import (
    AUTHENTICATOR,
    SESSION_REFUSALS,
    Enrolment,
    EnrolmentPage,
)
from services.authorize_frontend.http.shared.parameters import Parameters, single_value
from services.authorize_frontend.http.shared.refusals import Refusals

_GROUP = 4


class AccountAuthenticator(EnrolmentPage):
    path: ClassVar[str] = AUTHENTICATOR
    purpose: ClassVar[str] = "account-authenticator"
    refusals: ClassVar[Refusals] = Refusals(
        rpc="ConfirmTotp",
        shown={
            Reason.WRONG_PROOF: mark("Incorrect code. Check the time on your device and enter the next code."),
            Reason.FACTORS_TOO_MANY: mark("You have reached the limit. Remove one first."),
        },
        passed_on=SESSION_REFUSALS | {Reason.ENROLMENT_UNKNOWN, Reason.FACTOR_NAME},
    )

    async def add(self, request: web.Request, form: Parameters) -> str:
        message = ConfirmTotpRequest(
            session_secret=self.edge.cookies.session(request) or "",
            code=single_value(form, "code"),
            context=self.edge.context(request),
        )
        return (await self.edge.backends.factors.ConfirmTotp(message)).session_secret

    async def render(
        self, request: web.Request, enrolment: Enrolment, session: GetSessionResponse, problem: str
    ) -> web.Response:
        message = StartTotpRequest(session_secret=self.edge.cookies.session(request) or "")
        started = await self.edge.backends.factors.StartTotp(message)
        uri = provisioning_uri(started.secret, issuer=self.edge.site.brand, account=started.username)
        key = as_base32(started.secret)
        return self.edge.form_page(
            request,
            "account_authenticator",
            purpose=self.purpose,
            subject=enrolment.request_id,
            hidden=enrolment.parameters,
            display_name=session.display_name or session.username,
            username=session.username,
            problem=problem,
            qr=_qr(uri),
            uri=uri,
            key=" ".join(key[start : start + _GROUP] for start in range(0, len(key), _GROUP)),
        )


def _qr(uri: str) -> Markup:
    """Returns an SVG: dark on light in both colour schemes, with the quiet zone that scanners need."""
    code = segno.make(uri, error="m", micro=False)
    svg = code.svg_inline(border=4, dark="#000000", light="#ffffff", omitsize=True, svgclass="qr", lineclass=None)
    return Markup(svg)  # noqa: S704 - made by segno, without text from the URI
