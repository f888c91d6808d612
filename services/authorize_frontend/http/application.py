"""The aiohttp application: the routes of every area, under the issuer's path."""

from typing import Protocol

from aiohttp import web

from libs.servicekit.http.edge_server import ERROR_RESPONSE
from services.authorize_frontend.http.account.authenticator import AccountAuthenticator
from services.authorize_frontend.http.account.data import AccountData
from services.authorize_frontend.http.account.email_address import AccountAddress, ConfirmAddress
from services.authorize_frontend.http.account.factors import AccountFactors
from services.authorize_frontend.http.account.home import Home
from services.authorize_frontend.http.account.overview import Account
from services.authorize_frontend.http.account.passkey import AccountPasskey
from services.authorize_frontend.http.account.password import AccountPassword
from services.authorize_frontend.http.account.profile import AccountProfile
from services.authorize_frontend.http.account.recovery_codes import AccountRecoveryCodes
from services.authorize_frontend.http.account.sign_in import account_sign_in
from services.authorize_frontend.http.authorization.authorize import Authorize
from services.authorize_frontend.http.authorization.consent import Consent
from services.authorize_frontend.http.authorization.logos import Logos
from services.authorize_frontend.http.device.device import Device
from services.authorize_frontend.http.device.sign_in import device_sign_in
from services.authorize_frontend.http.logout.check_session import CheckSession
from services.authorize_frontend.http.logout.logout import Logout
from services.authorize_frontend.http.metadata.discovery import Discovery
from services.authorize_frontend.http.metadata.jwks import Jwks
from services.authorize_frontend.http.metadata.well_known import WellKnown
from services.authorize_frontend.http.shared.assets import Assets
from services.authorize_frontend.http.shared.edge import Edge
from services.authorize_frontend.http.shared.errors import errors, malformed
from services.authorize_frontend.http.shared.head import heads
from services.authorize_frontend.http.shared.languages import languages
from services.authorize_frontend.http.shared.parameters import MAX_BODY_BYTES
from services.authorize_frontend.http.shared.policy import StandardHeaders
from services.authorize_frontend.http.sign_in.passkeys import PasskeySignIn
from services.authorize_frontend.http.sign_in.password_forgotten import PasswordForgotten
from services.authorize_frontend.http.sign_in.password_reset import PasswordReset
from services.authorize_frontend.http.sign_in.second_step import SecondStep
from services.authorize_frontend.http.sign_in.sign_in import SignIn
from services.authorize_frontend.http.sign_in.sign_up import CompleteSignUp, SignUp
from services.authorize_frontend.http.sign_in.step_up import StepUp
from services.authorize_frontend.published_keys import PublishedKeys


class Area(Protocol):
    """A group of routes."""

    def routes(self) -> list[web.RouteDef]: ...


def application(edge: Edge, *, assets: Assets, keys: PublishedKeys) -> web.Application:
    app = web.Application(middlewares=[languages(edge.cookies), errors(edge)], client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(StandardHeaders(edge.site))
    app[ERROR_RESPONSE] = malformed(edge)
    areas: list[Area] = [
        Authorize(edge=edge),
        SignIn(edge=edge),
        Consent(edge=edge),
        Device(edge=edge),
        device_sign_in(edge),
        SecondStep(edge=edge),
        PasskeySignIn(edge=edge),
        StepUp(edge=edge),
        Logout(edge=edge),
        Logos(edge=edge),
        CheckSession(edge=edge),
        Home(edge=edge),
        Account(edge=edge),
        account_sign_in(edge),
        AccountPassword(edge=edge),
        AccountProfile(edge=edge),
        AccountData(edge=edge),
        AccountFactors(edge=edge),
        AccountAuthenticator(edge=edge),
        AccountPasskey(edge=edge),
        AccountRecoveryCodes(edge=edge),
        AccountAddress(edge=edge),
        ConfirmAddress(edge=edge),
        SignUp(edge=edge),
        CompleteSignUp(edge=edge),
        PasswordForgotten(edge=edge),
        PasswordReset(edge=edge),
        WellKnown(edge.site, assets),
        Discovery(edge.site),
        Jwks(edge.site, keys),
        assets,
    ]
    for area in areas:
        routes = area.routes()
        app.add_routes([*routes, *heads(routes)])
    return app
