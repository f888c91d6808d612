"""Fake backends that implement the real contract: they return configured responses and record the calls."""
# ruff: noqa: N802 - the names of RPCs come from the contract

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import Message

from latchkey.authentication.v1 import (
    addresses_pb2,
    factors_pb2,
    offers_pb2,
    password_resets_pb2,
    profile_pb2,
    sessions_pb2,
    sign_ups_pb2,
)
from latchkey.authentication.v1.addresses_pb2_grpc import (
    AddressServiceServicer,
    add_AddressServiceServicer_to_server,
)
from latchkey.authentication.v1.factors_pb2_grpc import (
    FactorServiceServicer,
    ProofServiceServicer,
    add_FactorServiceServicer_to_server,
    add_ProofServiceServicer_to_server,
)
from latchkey.authentication.v1.offers_pb2_grpc import OfferServiceServicer, add_OfferServiceServicer_to_server
from latchkey.authentication.v1.password_resets_pb2_grpc import (
    PasswordResetServiceServicer,
    add_PasswordResetServiceServicer_to_server,
)
from latchkey.authentication.v1.profile_pb2_grpc import ProfileServiceServicer, add_ProfileServiceServicer_to_server
from latchkey.authentication.v1.sessions_pb2 import AttestedSession, GetSessionResponse, Session, SignInResponse
from latchkey.authentication.v1.sessions_pb2_grpc import SessionServiceServicer, add_SessionServiceServicer_to_server
from latchkey.authentication.v1.sign_ups_pb2_grpc import SignUpServiceServicer, add_SignUpServiceServicer_to_server
from latchkey.device.v1 import device_pb2
from latchkey.device.v1.device_pb2_grpc import DeviceServiceServicer, add_DeviceServiceServicer_to_server
from latchkey.keys.v1 import keys_pb2
from latchkey.keys.v1.keys_pb2_grpc import (
    VerificationKeyServiceServicer,
    add_VerificationKeyServiceServicer_to_server,
)
from latchkey.token.v1 import authorization_pb2, consents_pb2
from latchkey.token.v1.authorization_pb2 import (
    RESPONSE_MODE_QUERY,
    AuthorizationResponse,
    AuthorizeResponse,
    GetInteractionResponse,
    Interaction,
    Parameter,
)
from latchkey.token.v1.authorization_pb2_grpc import (
    AuthorizationServiceServicer,
    add_AuthorizationServiceServicer_to_server,
)
from latchkey.token.v1.consents_pb2_grpc import ConsentServiceServicer, add_ConsentServiceServicer_to_server
from libs.crypto.random import new_secret
from libs.servicekit.base.service import Registration

PASSKEY_OPTIONS = '{"challenge": "AAAA", "rpId": "localhost"}'
ATTESTED = AttestedSession(session=b"a session", mac=b"attested")


class Scripted:
    """RPC -> response: a message to return, or an error to raise."""

    def __init__(self) -> None:
        self.says: dict[str, Message | Exception] = {}
        self.calls: list[tuple[str, Any]] = []
        self.stop: Callable[[], Awaitable[None]]
        """Stops the service."""

    def registrations(self) -> list[Registration]:
        return [self.registration()]  # type: ignore[attr-defined]

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def asked(self, name: str) -> Any:
        """Returns the request of the only call of an RPC."""
        (request,) = [request for called, request in self.calls if called == name]
        return request

    def answer(self, name: str, request: Message) -> Any:
        self.calls.append((name, request))
        said = self.says[name]
        if isinstance(said, Exception):
            raise said
        return said


class FakeToken(Scripted, AuthorizationServiceServicer, ConsentServiceServicer):
    async def ListConnections(self, request, context):
        return self.answer("ListConnections", request)

    async def WithdrawConsent(self, request, context):
        return self.answer("WithdrawConsent", request)

    async def ExportConsents(self, request, context):
        return self.answer("ExportConsents", request)

    async def Authorize(self, request, context):
        return self.answer("Authorize", request)

    async def ResumeAuthorization(self, request, context):
        return self.answer("ResumeAuthorization", request)

    async def GetInteraction(self, request, context):
        return self.answer("GetInteraction", request)

    async def DecideAuthorization(self, request, context):
        return self.answer("DecideAuthorization", request)

    async def CheckLogout(self, request, context):
        return self.answer("CheckLogout", request)

    async def GetClientLogo(self, request, context):
        return self.answer("GetClientLogo", request)

    def registration(self) -> Registration:
        descriptor = authorization_pb2.DESCRIPTOR.services_by_name["AuthorizationService"]
        return Registration(add_AuthorizationServiceServicer_to_server, self, descriptor)

    def registrations(self) -> list[Registration]:
        consents = consents_pb2.DESCRIPTOR.services_by_name["ConsentService"]
        return [self.registration(), Registration(add_ConsentServiceServicer_to_server, self, consents)]


class FakeAuthentication(
    Scripted,
    SessionServiceServicer,
    ProofServiceServicer,
    FactorServiceServicer,
    OfferServiceServicer,
    PasswordResetServiceServicer,
    ProfileServiceServicer,
    AddressServiceServicer,
    SignUpServiceServicer,
):
    async def RequestSignUp(self, request, context):
        return self.answer("RequestSignUp", request)

    async def GetSignUp(self, request, context):
        return self.answer("GetSignUp", request)

    async def CompleteSignUp(self, request, context):
        return self.answer("CompleteSignUp", request)

    async def GetProfile(self, request, context):
        return self.answer("GetProfile", request)

    async def UpdateProfile(self, request, context):
        return self.answer("UpdateProfile", request)

    async def ExportAccount(self, request, context):
        return self.answer("ExportAccount", request)

    async def DeleteAccount(self, request, context):
        return self.answer("DeleteAccount", request)

    async def GetOwnAddress(self, request, context):
        return self.answer("GetOwnAddress", request)

    async def RequestAddress(self, request, context):
        return self.answer("RequestAddress", request)

    async def GetAddressRequest(self, request, context):
        return self.answer("GetAddressRequest", request)

    async def ConfirmAddress(self, request, context):
        return self.answer("ConfirmAddress", request)

    async def GetOffers(self, request, context):
        return self.says["GetOffers"]

    async def RequestPasswordReset(self, request, context):
        return self.answer("RequestPasswordReset", request)

    async def GetPasswordReset(self, request, context):
        return self.answer("GetPasswordReset", request)

    async def ResetPassword(self, request, context):
        return self.answer("ResetPassword", request)

    async def SignIn(self, request, context):
        return self.answer("SignIn", request)

    async def GetSession(self, request, context):
        return self.answer("GetSession", request)

    async def EndSession(self, request, context):
        return self.answer("EndSession", request)

    async def ListSessions(self, request, context):
        return self.answer("ListSessions", request)

    async def EndOwnSessions(self, request, context):
        return self.answer("EndOwnSessions", request)

    async def ChangePassword(self, request, context):
        return self.answer("ChangePassword", request)

    async def GetSignInAttempt(self, request, context):
        return self.answer("GetSignInAttempt", request)

    async def ContinueSignIn(self, request, context):
        return self.answer("ContinueSignIn", request)

    async def StartPasskeySignIn(self, request, context):
        return self.answer("StartPasskeySignIn", request)

    async def SignInWithPasskey(self, request, context):
        return self.answer("SignInWithPasskey", request)

    async def StartPasskey(self, request, context):
        return self.answer("StartPasskey", request)

    async def AddPasskey(self, request, context):
        return self.answer("AddPasskey", request)

    async def StartStepUp(self, request, context):
        return self.answer("StartStepUp", request)

    async def ListFactors(self, request, context):
        return self.answer("ListFactors", request)

    async def StartTotp(self, request, context):
        return self.answer("StartTotp", request)

    async def ConfirmTotp(self, request, context):
        return self.answer("ConfirmTotp", request)

    async def RemoveFactor(self, request, context):
        return self.answer("RemoveFactor", request)

    async def CreateRecoveryCodes(self, request, context):
        return self.answer("CreateRecoveryCodes", request)

    def registration(self) -> Registration:
        descriptor = sessions_pb2.DESCRIPTOR.services_by_name["SessionService"]
        return Registration(add_SessionServiceServicer_to_server, self, descriptor)

    def registrations(self) -> list[Registration]:
        more = (
            (add_ProofServiceServicer_to_server, factors_pb2, "ProofService"),
            (add_FactorServiceServicer_to_server, factors_pb2, "FactorService"),
            (add_ProfileServiceServicer_to_server, profile_pb2, "ProfileService"),
            (add_OfferServiceServicer_to_server, offers_pb2, "OfferService"),
            (add_AddressServiceServicer_to_server, addresses_pb2, "AddressService"),
            (add_SignUpServiceServicer_to_server, sign_ups_pb2, "SignUpService"),
            (add_PasswordResetServiceServicer_to_server, password_resets_pb2, "PasswordResetService"),
        )
        return [
            self.registration(),
            *(Registration(add, self, module.DESCRIPTOR.services_by_name[name]) for add, module, name in more),
        ]


class FakeDevice(Scripted, DeviceServiceServicer):
    async def CreateDeviceCode(self, request, context):
        raise NotImplementedError

    async def PollDeviceCode(self, request, context):
        raise NotImplementedError

    async def RedeemDeviceCode(self, request, context):
        raise NotImplementedError

    async def FindUserCode(self, request, context):
        return self.answer("FindUserCode", request)

    async def DecideDeviceCode(self, request, context):
        return self.answer("DecideDeviceCode", request)

    def registration(self) -> Registration:
        descriptor = device_pb2.DESCRIPTOR.services_by_name["DeviceService"]
        return Registration(add_DeviceServiceServicer_to_server, self, descriptor)


class FakeKeyRotation(Scripted, VerificationKeyServiceServicer):
    async def ListVerificationKeys(self, request, context):
        return self.answer("ListVerificationKeys", request)

    def registration(self) -> Registration:
        descriptor = keys_pb2.DESCRIPTOR.services_by_name["VerificationKeyService"]
        return Registration(add_VerificationKeyServiceServicer_to_server, self, descriptor)


class FakeServices:
    """All four backends, without a session and without a decision."""

    def __init__(self) -> None:
        self.token, self.authentication = FakeToken(), FakeAuthentication()
        self.device, self.key_rotation = FakeDevice(), FakeKeyRotation()
        self.request_id = new_secret()
        self.token.says = {
            "GetInteraction": an_interaction(),
            "ListConnections": consents_pb2.ListConnectionsResponse(),
            "ExportConsents": consents_pb2.ExportConsentsResponse(),
            "WithdrawConsent": consents_pb2.WithdrawConsentResponse(),
        }
        self.authentication.says = {
            "GetSession": GetSessionResponse(),
            "SignIn": SignInResponse(session_secret=new_secret()),
            "EndSession": sessions_pb2.EndSessionResponse(session_id="sid"),
            "ListSessions": sessions_pb2.ListSessionsResponse(),
            "EndOwnSessions": sessions_pb2.EndOwnSessionsResponse(ended=1),
            "ChangePassword": sessions_pb2.ChangePasswordResponse(),
            "GetSignInAttempt": factors_pb2.GetSignInAttemptResponse(
                username="alice", kinds=[factors_pb2.FACTOR_KIND_TOTP, factors_pb2.FACTOR_KIND_RECOVERY_CODE]
            ),
            "ContinueSignIn": factors_pb2.ContinueSignInResponse(session_secret=new_secret()),
            "StartPasskeySignIn": factors_pb2.StartPasskeySignInResponse(),
            "SignInWithPasskey": factors_pb2.SignInWithPasskeyResponse(session_secret=new_secret()),
            "StartPasskey": factors_pb2.StartPasskeyResponse(options=PASSKEY_OPTIONS),
            "AddPasskey": factors_pb2.AddPasskeyResponse(session_secret=new_secret()),
            "StartStepUp": factors_pb2.StartStepUpResponse(attempt_secret=new_secret()),
            "ListFactors": factors_pb2.ListFactorsResponse(),
            "StartTotp": factors_pb2.StartTotpResponse(secret=b"s" * 20, username="alice"),
            "ConfirmTotp": factors_pb2.ConfirmTotpResponse(session_secret=new_secret()),
            "RemoveFactor": factors_pb2.RemoveFactorResponse(removed=True),
            "CreateRecoveryCodes": factors_pb2.CreateRecoveryCodesResponse(codes=["aaaa-bbbb-cccc"]),
            "GetProfile": profile_pb2.GetProfileResponse(writable=["name", "birthdate", "address"]),
            "UpdateProfile": profile_pb2.UpdateProfileResponse(),
            "ExportAccount": profile_pb2.ExportAccountResponse(),
            "DeleteAccount": profile_pb2.DeleteAccountResponse(),
            "GetOwnAddress": addresses_pb2.GetOwnAddressResponse(address="alice@example.com"),
            "RequestAddress": addresses_pb2.RequestAddressResponse(),
            "GetAddressRequest": addresses_pb2.GetAddressRequestResponse(address="alice@new.example"),
            "ConfirmAddress": addresses_pb2.ConfirmAddressResponse(),
            "RequestSignUp": sign_ups_pb2.RequestSignUpResponse(),
            "GetSignUp": sign_ups_pb2.GetSignUpResponse(address="new@example.com"),
            "CompleteSignUp": sign_ups_pb2.CompleteSignUpResponse(),
            "GetOffers": offers_pb2.GetOffersResponse(mail=True),
            "RequestPasswordReset": password_resets_pb2.RequestPasswordResetResponse(),
            "GetPasswordReset": password_resets_pb2.GetPasswordResetResponse(
                username="alice", display_name="Alice Ansel"
            ),
            "ResetPassword": password_resets_pb2.ResetPasswordResponse(),
        }
        self.device.says = {
            "FindUserCode": a_waiting_device(),
            "DecideDeviceCode": device_pb2.DecideDeviceCodeResponse(),
        }
        self.key_rotation.says = {"ListVerificationKeys": keys_pb2.ListVerificationKeysResponse()}

    def __iter__(self) -> Iterator[FakeToken | FakeAuthentication | FakeDevice | FakeKeyRotation]:
        return iter((self.token, self.authentication, self.device, self.key_rotation))

    def signed_in(
        self, *, display_name: str = "Alice Ansel", username: str = "alice", ago: timedelta = timedelta()
    ) -> None:
        session = Session(session_id="sid", user_id="user")
        session.authenticated_at.FromDatetime(datetime.now(UTC) - ago)
        self.authentication.says["GetSession"] = GetSessionResponse(
            session=session,
            attested=ATTESTED,
            display_name=display_name,
            username=username,
            signed_in_recently=ago <= timedelta(minutes=10),
        )

    def wants(self, kind: Any) -> AuthorizeResponse:
        return AuthorizeResponse(interaction=Interaction(request_id=self.request_id, kind=kind))


def a_response(
    parameters: Sequence[tuple[str, str]] = (("code", "c0de"), ("state", "xyz"), ("iss", "http://localhost:8080")),
    *,
    redirect_uri: str = "https://app.example/callback",
    mode: Any = RESPONSE_MODE_QUERY,
) -> AuthorizeResponse:
    pairs = [Parameter(name=name, value=value) for name, value in parameters]
    return AuthorizeResponse(response=AuthorizationResponse(redirect_uri=redirect_uri, mode=mode, parameters=pairs))


def an_interaction(**changes: Any) -> GetInteractionResponse:
    values: dict[str, Any] = {
        "client_id": "c_notes",
        "client_name": "Acme Notes",
        "scopes": ["openid", "profile", "email"],
        "correlation_id": "corr-1",
        "redirect_origin": "https://app.example",
    }
    return GetInteractionResponse(**(values | changes))


def a_waiting_device(*, ago: timedelta = timedelta(), **changes: Any) -> device_pb2.FindUserCodeResponse:
    values: dict[str, Any] = {
        "client_id": "c_tv",
        "client_name": "Acme TV",
        "scopes": ["openid", "profile"],
        "requested_from": "192.0.2.0/24",
        "user_code": "WDJB-MJHT",
    }
    found = device_pb2.FindUserCodeResponse(**(values | changes))
    found.requested_at.FromDatetime(datetime.now(UTC) - ago)
    return found
