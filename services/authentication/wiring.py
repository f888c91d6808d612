"""Composes the use cases of the authentication service from their ports: pure, used by `app` and by the tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from libs.crypto.passkeys import RelyingParty
from libs.crypto.sealing import KeyEncryptionKey
from libs.oauth.attributes import Attributes
from libs.servicekit.base.clock import Clock
from services.authentication.domain.sessions.session import Lifetimes
from services.authentication.ports.email import Compose, Mailer
from services.authentication.ports.sign_in import PasswordHasher, PasswordPolicy
from services.authentication.ports.work import Begin, View
from services.authentication.usecases.accounts.change_email_address import (
    ConfirmAddress,
    FindAddressRequest,
    GetOwnAddress,
    RequestAddress,
)
from services.authentication.usecases.accounts.change_password import ChangePassword
from services.authentication.usecases.accounts.create_user import CreateUser
from services.authentication.usecases.accounts.delete_account import DeleteAccount
from services.authentication.usecases.accounts.delete_user import DeleteUser
from services.authentication.usecases.accounts.disable_user import DisableUser
from services.authentication.usecases.accounts.enable_user import EnableUser
from services.authentication.usecases.accounts.export_account import ExportAccount
from services.authentication.usecases.accounts.get_account import GetAccount
from services.authentication.usecases.accounts.import_user import ImportUser
from services.authentication.usecases.accounts.invite_user import InviteUser
from services.authentication.usecases.accounts.list_users import ListUsers
from services.authentication.usecases.accounts.profile import FindUser, GetProfile, UpdateProfile, UpdateUser
from services.authentication.usecases.accounts.request_password_reset import RequestPasswordReset
from services.authentication.usecases.accounts.reset_password import FindPasswordReset, ResetPassword
from services.authentication.usecases.accounts.send_password_reset import SendPasswordReset
from services.authentication.usecases.accounts.set_password import SetPassword
from services.authentication.usecases.accounts.sign_up import CompleteSignUp, FindSignUp, RequestSignUp
from services.authentication.usecases.email.limit_emails import LimitEmails
from services.authentication.usecases.email.send_email import SendEmail
from services.authentication.usecases.email.sweep_emails import SweepEmails
from services.authentication.usecases.factors.enrol_passkey import AddPasskey, StartPasskey
from services.authentication.usecases.factors.enrol_totp import ConfirmTotp, StartTotp
from services.authentication.usecases.factors.own_factors import CreateRecoveryCodes, ListFactors, RemoveFactor
from services.authentication.usecases.factors.passkey_ceremonies import Ceremonies
from services.authentication.usecases.factors.reset_factors import ResetFactors
from services.authentication.usecases.factors.verify_factor import ProveFactor
from services.authentication.usecases.sessions.end_session import EndSession
from services.authentication.usecases.sessions.get_session import GetSession
from services.authentication.usecases.sessions.own_sessions import EndOwnSessions, ListSessions, RequireSession
from services.authentication.usecases.sessions.start_session import StartSession
from services.authentication.usecases.sessions.sweep_sessions import SweepSessions
from services.authentication.usecases.sessions.touch_sessions import TouchSessions
from services.authentication.usecases.sessions.user_sessions import EndUserSessions, ListUserSessions
from services.authentication.usecases.sign_in.attempt_throttle import AttemptThrottle
from services.authentication.usecases.sign_in.continue_sign_in import ContinueSignIn
from services.authentication.usecases.sign_in.find_attempt import FindAttempt
from services.authentication.usecases.sign_in.sign_in import SignIn
from services.authentication.usecases.sign_in.sign_in_with_passkey import SignInWithPasskey, StartPasskeySignIn
from services.authentication.usecases.sign_in.start_step_up import StartStepUp


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Implementations of the ports: the store, password hashing, emails and the clock.

    Args:
        mailer: None when no mail server is configured; features that need email are then disabled.
    """

    begin: Begin
    view: View
    passwords: PasswordHasher
    policy: PasswordPolicy
    compose_email: Compose
    mailer: Mailer | None
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class Options:
    """Values from the settings.

    Args:
        keep_ended: how long ended sessions stay in the database.
        sign_up: users can create an account if email is configured.
        stand_in_key: derives values for unknown user names, so that responses do not reveal which names exist.
        factor_key: encrypts the secrets of authenticator apps.
        recovery_keys: keys of recovery code digests; the first one is used for new digests.
        challenge_key: authenticates passkey challenges.
        email_digest_key: keys the digests by which requests for emails are limited.
    """

    issuer: str
    lifetimes: Lifetimes
    keep_ended: timedelta
    attributes: Attributes
    sign_up: bool
    stand_in_key: bytes
    factor_key: KeyEncryptionKey
    recovery_keys: Sequence[bytes]
    challenge_key: bytes
    email_digest_key: bytes


@dataclass(frozen=True, kw_only=True)
class UseCases:
    sign_in: SignIn
    start_step_up: StartStepUp
    find_attempt: FindAttempt
    continue_sign_in: ContinueSignIn
    start_passkey_sign_in: StartPasskeySignIn
    sign_in_with_passkey: SignInWithPasskey
    get_session: GetSession
    end_session: EndSession
    list_sessions: ListSessions
    end_own_sessions: EndOwnSessions
    touch_sessions: TouchSessions
    sweep_sessions: SweepSessions
    list_factors: ListFactors
    start_totp: StartTotp
    confirm_totp: ConfirmTotp
    remove_factor: RemoveFactor
    create_recovery_codes: CreateRecoveryCodes
    start_passkey: StartPasskey
    add_passkey: AddPasskey
    reset_factors: ResetFactors
    get_account: GetAccount
    create_user: CreateUser
    import_user: ImportUser
    invite_user: InviteUser
    list_users: ListUsers
    find_user: FindUser
    update_user: UpdateUser
    disable_user: DisableUser
    enable_user: EnableUser
    delete_user: DeleteUser
    send_password_reset: SendPasswordReset
    list_user_sessions: ListUserSessions
    end_user_sessions: EndUserSessions
    set_password: SetPassword
    change_password: ChangePassword
    get_profile: GetProfile
    update_profile: UpdateProfile
    export_account: ExportAccount
    delete_account: DeleteAccount
    get_address: GetOwnAddress
    request_address: RequestAddress
    find_address_request: FindAddressRequest
    confirm_address: ConfirmAddress
    request_sign_up: RequestSignUp
    find_sign_up: FindSignUp
    complete_sign_up: CompleteSignUp
    request_reset: RequestPasswordReset
    find_reset: FindPasswordReset
    reset_password: ResetPassword
    send_email: SendEmail
    sweep_emails: SweepEmails


def compose(ports: Ports, options: Options) -> UseCases:
    """Compose the use cases."""
    begin, view, clock, passwords, policy = ports.begin, ports.view, ports.clock, ports.passwords, ports.policy
    lifetimes, has_mail = options.lifetimes, ports.mailer is not None
    require_session = RequireSession(clock=clock, lifetimes=lifetimes)
    start = StartSession(clock=clock, lifetimes=lifetimes)
    throttle = AttemptThrottle(clock=clock)
    limit = LimitEmails(key=options.email_digest_key)
    touch_sessions = TouchSessions(work=begin, clock=clock)
    factor_key, recovery_keys = options.factor_key, tuple(options.recovery_keys)
    ceremonies = Ceremonies(RelyingParty.of(options.issuer), key=options.challenge_key, clock=clock)
    prove = ProveFactor(factor_key=factor_key, recovery_keys=recovery_keys, ceremonies=ceremonies, clock=clock)
    find_address_request = FindAddressRequest(view=view, require_session=require_session, clock=clock)
    find_sign_up = FindSignUp(view=view, clock=clock)
    find_reset = FindPasswordReset(view=view, clock=clock)
    return UseCases(
        sign_in=SignIn(
            view=view,
            work=begin,
            passwords=passwords,
            clock=clock,
            start=start,
            throttle=throttle,
            stand_in_key=options.stand_in_key,
        ),
        start_step_up=StartStepUp(work=begin, require_session=require_session, clock=clock),
        find_attempt=FindAttempt(view=view, ceremonies=ceremonies, clock=clock),
        continue_sign_in=ContinueSignIn(
            work=begin, prove=prove, start=start, clock=clock, stand_in_key=options.stand_in_key
        ),
        start_passkey_sign_in=StartPasskeySignIn(ceremonies=ceremonies),
        sign_in_with_passkey=SignInWithPasskey(
            work=begin, ceremonies=ceremonies, start=start, clock=clock, stand_in_key=options.stand_in_key
        ),
        get_session=GetSession(view=view, clock=clock, lifetimes=lifetimes, touch=touch_sessions.note),
        end_session=EndSession(work=begin, clock=clock),
        list_sessions=ListSessions(view=view, require_session=require_session, lifetimes=lifetimes),
        end_own_sessions=EndOwnSessions(view=view, work=begin, require_session=require_session),
        touch_sessions=touch_sessions,
        sweep_sessions=SweepSessions(work=begin, clock=clock, lifetimes=lifetimes, keep_ended=options.keep_ended),
        list_factors=ListFactors(view=view, require_session=require_session),
        start_totp=StartTotp(work=begin, require_session=require_session, factor_key=factor_key, clock=clock),
        confirm_totp=ConfirmTotp(
            work=begin, require_session=require_session, start=start, factor_key=factor_key, clock=clock
        ),
        remove_factor=RemoveFactor(work=begin, require_session=require_session, clock=clock),
        create_recovery_codes=CreateRecoveryCodes(
            work=begin, require_session=require_session, recovery_key=recovery_keys[0], clock=clock
        ),
        start_passkey=StartPasskey(view=view, require_session=require_session, ceremonies=ceremonies),
        add_passkey=AddPasskey(
            work=begin, require_session=require_session, start=start, ceremonies=ceremonies, clock=clock
        ),
        reset_factors=ResetFactors(work=begin, clock=clock),
        get_account=GetAccount(view=view, clock=clock, lifetimes=lifetimes),
        create_user=CreateUser(
            work=begin, passwords=passwords, policy=policy, attributes=options.attributes, clock=clock
        ),
        import_user=ImportUser(view=view, work=begin, attributes=options.attributes, clock=clock),
        invite_user=InviteUser(work=begin, has_mail=has_mail, clock=clock),
        list_users=ListUsers(view=view),
        find_user=FindUser(view=view),
        update_user=UpdateUser(view=view, work=begin, attributes=options.attributes, clock=clock),
        disable_user=DisableUser(work=begin, clock=clock),
        enable_user=EnableUser(work=begin),
        delete_user=DeleteUser(work=begin, clock=clock),
        send_password_reset=SendPasswordReset(work=begin, has_mail=has_mail, clock=clock),
        list_user_sessions=ListUserSessions(view=view, clock=clock, lifetimes=lifetimes),
        end_user_sessions=EndUserSessions(work=begin, clock=clock),
        set_password=SetPassword(view=view, work=begin, passwords=passwords, policy=policy, clock=clock),
        change_password=ChangePassword(
            view=view,
            work=begin,
            require_session=require_session,
            passwords=passwords,
            policy=policy,
            throttle=throttle,
            clock=clock,
            stand_in_key=options.stand_in_key,
        ),
        get_profile=GetProfile(view=view, require_session=require_session),
        update_profile=UpdateProfile(
            view=view, work=begin, require_session=require_session, attributes=options.attributes, clock=clock
        ),
        export_account=ExportAccount(view=view, require_session=require_session),
        delete_account=DeleteAccount(view=view, work=begin, require_session=require_session, clock=clock),
        get_address=GetOwnAddress(view=view, require_session=require_session),
        request_address=RequestAddress(
            view=view,
            work=begin,
            require_session=require_session,
            limit=limit,
            has_mail=has_mail,
            clock=clock,
        ),
        find_address_request=find_address_request,
        confirm_address=ConfirmAddress(view=view, work=begin, find=find_address_request, clock=clock),
        request_sign_up=RequestSignUp(work=begin, limit=limit, is_open=has_mail and options.sign_up, clock=clock),
        find_sign_up=find_sign_up,
        complete_sign_up=CompleteSignUp(work=begin, find=find_sign_up, passwords=passwords, policy=policy, clock=clock),
        request_reset=RequestPasswordReset(work=begin, limit=limit, has_mail=has_mail, clock=clock),
        find_reset=find_reset,
        reset_password=ResetPassword(
            view=view, work=begin, find=find_reset, passwords=passwords, policy=policy, clock=clock
        ),
        send_email=SendEmail(
            work=begin,
            compose=ports.compose_email,
            mailer=ports.mailer,
            issuer=options.issuer,
            clock=clock,
        ),
        sweep_emails=SweepEmails(work=begin, clock=clock),
    )
