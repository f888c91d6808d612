"""The part of the composition root that has to do with emails: who sends them, and what their links open."""

from dataclasses import dataclass

from latchkey.authentication.v1 import (
    addresses_pb2,
    addresses_pb2_grpc,
    offers_pb2,
    offers_pb2_grpc,
    password_resets_pb2,
    password_resets_pb2_grpc,
    sign_ups_pb2,
    sign_ups_pb2_grpc,
)
from libs.servicekit.base.clock import Clock
from libs.servicekit.base.service import Registration, Task
from libs.servicekit.base.timers import every
from services.authentication import rpc_letters
from services.authentication.adapters.email_deliveries import EmailDeliveries
from services.authentication.adapters.email_texts import EmailTexts
from services.authentication.adapters.mailer import SmtpMailer
from services.authentication.mail_settings import MailSettings
from services.authentication.ports import PasswordHasher, PasswordPolicy, ViewFactory, WorkFactory
from services.authentication.usecases.accounts.change_email_address import (
    ConfirmAddress,
    FindAddressRequest,
    GetOwnAddress,
    RequestAddress,
)
from services.authentication.usecases.accounts.invite_user import InviteUser
from services.authentication.usecases.accounts.request_password_reset import RequestPasswordReset
from services.authentication.usecases.accounts.reset_password import FindPasswordReset, ResetPassword
from services.authentication.usecases.accounts.sign_up import CompleteSignUp, FindSignUp, RequestSignUp
from services.authentication.usecases.email.limit_emails import LimitEmails
from services.authentication.usecases.email.send_email import SendEmail
from services.authentication.usecases.email.sweep_emails import SweepEmails
from services.authentication.usecases.sessions.own_sessions import RequireSession

SWEEP_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class EmailParts:
    """What use cases about emails are made of."""

    settings: MailSettings
    view: ViewFactory
    work: WorkFactory
    require_session: RequireSession
    passwords: PasswordHasher
    policy: PasswordPolicy
    clock: Clock
    digest_key: bytes
    """For digests of what users typed."""

    def tasks(self) -> dict[str, Task]:
        """By name, as for Service."""
        sweep = SweepEmails(work=self.work, clock=self.clock)
        return {
            "letters": EmailDeliveries(self._send_email()).run,
            "sweep-letters": every(SWEEP_SECONDS, "sweep-letters", sweep),
        }

    def registrations(self) -> tuple[Registration, ...]:
        return (
            Registration(
                offers_pb2_grpc.add_OfferServiceServicer_to_server,
                rpc_letters.Offers(mail=self._has_mail, sign_up=self._has_sign_up),
                offers_pb2.DESCRIPTOR.services_by_name["OfferService"],
            ),
            Registration(
                addresses_pb2_grpc.add_AddressServiceServicer_to_server,
                self._addresses(),
                addresses_pb2.DESCRIPTOR.services_by_name["AddressService"],
            ),
            Registration(
                sign_ups_pb2_grpc.add_SignUpServiceServicer_to_server,
                self._sign_ups(),
                sign_ups_pb2.DESCRIPTOR.services_by_name["SignUpService"],
            ),
            Registration(
                password_resets_pb2_grpc.add_PasswordResetServiceServicer_to_server,
                self._password_resets(),
                password_resets_pb2.DESCRIPTOR.services_by_name["PasswordResetService"],
            ),
        )

    @property
    def _has_mail(self) -> bool:
        return self.settings.mail_server is not None

    def invite_user(self) -> InviteUser:
        return InviteUser(work=self.work, has_mail=self._has_mail, clock=self.clock)

    @property
    def _has_sign_up(self) -> bool:
        return self._has_mail and self.settings.sign_up

    def _sign_ups(self) -> rpc_letters.SignUps:
        find = FindSignUp(view=self.view, clock=self.clock)
        limit = LimitEmails(key=self.digest_key)
        return rpc_letters.SignUps(
            request_sign_up=RequestSignUp(work=self.work, limit=limit, is_open=self._has_sign_up, clock=self.clock),
            find=find,
            complete=CompleteSignUp(
                work=self.work, find=find, passwords=self.passwords, policy=self.policy, clock=self.clock
            ),
        )

    def _addresses(self) -> rpc_letters.Addresses:
        find = FindAddressRequest(view=self.view, require_session=self.require_session, clock=self.clock)
        return rpc_letters.Addresses(
            get_own=GetOwnAddress(view=self.view, require_session=self.require_session),
            request_address=RequestAddress(
                view=self.view,
                work=self.work,
                require_session=self.require_session,
                limit=LimitEmails(key=self.digest_key),
                has_mail=self._has_mail,
                clock=self.clock,
            ),
            find=find,
            confirm=ConfirmAddress(view=self.view, work=self.work, find=find, clock=self.clock),
        )

    def _password_resets(self) -> rpc_letters.PasswordResets:
        find = FindPasswordReset(view=self.view, clock=self.clock)
        limit = LimitEmails(key=self.digest_key)
        return rpc_letters.PasswordResets(
            request_reset=RequestPasswordReset(work=self.work, limit=limit, has_mail=self._has_mail, clock=self.clock),
            find=find,
            reset=ResetPassword(
                view=self.view,
                work=self.work,
                find=find,
                passwords=self.passwords,
                policy=self.policy,
                clock=self.clock,
            ),
        )

    def _send_email(self) -> SendEmail:
        settings, server = self.settings, self.settings.mail_server
        office = None
        if server is not None:
            office = SmtpMailer(
                server, sender=settings.mail_from, sender_name=settings.brand_name, issuer=settings.issuer
            )
        texts = EmailTexts(brand=settings.brand_name, issuer=settings.issuer)
        return SendEmail(work=self.work, compose=texts, mailer=office, issuer=settings.issuer, clock=self.clock)
