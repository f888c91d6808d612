"""The aiohttp application of this edge: every area with its routes, under the issuer's path."""

from typing import Protocol

from aiohttp import web

from services.authorize_frontend.http.account import Account
from services.authorize_frontend.http.account_address import AccountAddress, ConfirmAddress
from services.authorize_frontend.http.account_authenticator import AccountAuthenticator
from services.authorize_frontend.http.account_data import AccountData
from services.authorize_frontend.http.account_factors import AccountFactors
from services.authorize_frontend.http.account_passkey import AccountPasskey
from services.authorize_frontend.http.account_password import AccountPassword
from services.authorize_frontend.http.account_profile import AccountProfile
from services.authorize_frontend.http.account_recovery_codes import AccountRecoveryCodes
from services.authorize_frontend.http.account_sign_in import AccountSignIn
from services.authorize_frontend.http.assets import Assets
from services.authorize_frontend.http.authorize import Authorize
from services.authorize_frontend.http.check_session import CheckSession
from services.authorize_frontend.http.consent import Consent
from services.authorize_frontend.http.device import Device
from services.authorize_frontend.http.device_sign_in import DeviceSignIn
from services.authorize_frontend.http.discovery import Discovery
from services.authorize_frontend.http.edge import Edge
from services.authorize_frontend.http.errors import errors
from services.authorize_frontend.http.home import Home
from services.authorize_frontend.http.jwks import Jwks
from services.authorize_frontend.http.languages import languages
from services.authorize_frontend.http.logos import Logos
from services.authorize_frontend.http.logout import Logout
from services.authorize_frontend.http.parameters import MAX_BODY_BYTES
from services.authorize_frontend.http.passkeys import PasskeySignIn
from services.authorize_frontend.http.password_forgotten import PasswordForgotten
from services.authorize_frontend.http.password_reset import PasswordReset
from services.authorize_frontend.http.policy import StandardHeaders
from services.authorize_frontend.http.second_step import SecondStep
from services.authorize_frontend.http.sign_in import SignIn
from services.authorize_frontend.http.sign_up import CompleteSignUp, SignUp
from services.authorize_frontend.http.step_up import StepUp
from services.authorize_frontend.published_keys import PublishedKeys


class Area(Protocol):
    """What every file of this folder offers."""

    def routes(self) -> list[web.RouteDef]: ...


def application(edge: Edge, *, assets: Assets, keys: PublishedKeys) -> web.Application:
    app = web.Application(middlewares=[languages(edge.cookies), errors(edge)], client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(StandardHeaders(edge.site))
    areas: list[Area] = [
        Authorize(edge),
        SignIn(edge),
        Consent(edge),
        Device(edge),
        DeviceSignIn(edge),
        SecondStep(edge),
        PasskeySignIn(edge),
        StepUp(edge),
        Logout(edge),
        Logos(edge),
        CheckSession(edge),
        Home(edge),
        Account(edge),
        AccountSignIn(edge),
        AccountPassword(edge),
        AccountProfile(edge),
        AccountData(edge),
        AccountFactors(edge),
        AccountAuthenticator(edge),
        AccountPasskey(edge),
        AccountRecoveryCodes(edge),
        AccountAddress(edge),
        ConfirmAddress(edge),
        SignUp(edge),
        CompleteSignUp(edge),
        PasswordForgotten(edge),
        PasswordReset(edge),
        Discovery(edge.site),
        Jwks(edge.site, keys),
        assets,
    ]
    for area in areas:
        app.add_routes(area.routes())
    return app
