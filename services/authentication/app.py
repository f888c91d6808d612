"""Composition root: the one place that knows every part and puts them together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from latchkey.authentication.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    admin_pb2,
    admin_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
)
from libs.crypto.hashing import keyed_hash
from libs.fetch.fetcher import open_fetcher
from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base.clock import SystemClock
from libs.servicekit.base.service import Registration, Service
from libs.servicekit.base.timers import every
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.events.relay import PURGE_SECONDS, Relay
from libs.servicekit.events.unit_of_work import Transactions
from libs.servicekit.nats.bus import Bus
from libs.servicekit.sql.migrations import open_database
from services.authentication import rpc
from services.authentication.adapters.password_policy import PasswordPolicy, breached_passwords
from services.authentication.adapters.password_pool import PasswordPool
from services.authentication.app_factors import factor_services
from services.authentication.app_letters import EmailParts
from services.authentication.app_profile import profile_service
from services.authentication.config import AuthenticationSettings
from services.authentication.store.tables import METADATA
from services.authentication.store.work import StoreWork
from services.authentication.usecases.accounts.change_password import ChangePassword
from services.authentication.usecases.accounts.create_user import CreateUser
from services.authentication.usecases.accounts.disable_user import DisableUser
from services.authentication.usecases.accounts.get_account import GetAccount
from services.authentication.usecases.accounts.import_user import ImportUser
from services.authentication.usecases.accounts.list_users import ListUsers
from services.authentication.usecases.accounts.profile import FindUser, UpdateUser
from services.authentication.usecases.accounts.set_password import SetPassword
from services.authentication.usecases.factors.reset_factors import ResetFactors
from services.authentication.usecases.sessions.end_session import EndSession
from services.authentication.usecases.sessions.get_session import GetSession
from services.authentication.usecases.sessions.own_sessions import EndOwnSessions, ListSessions, RequireSession
from services.authentication.usecases.sessions.start_session import StartSession
from services.authentication.usecases.sessions.sweep_sessions import SweepSessions
from services.authentication.usecases.sessions.touch_sessions import TouchSessions
from services.authentication.usecases.sign_in.attempt_throttle import AttemptThrottle
from services.authentication.usecases.sign_in.sign_in import SignIn

NAME = "authentication"
TOUCH_SECONDS = 15.0
SWEEP_SECONDS = 60.0


@asynccontextmanager
async def build(settings: AuthenticationSettings) -> AsyncIterator[Service]:
    """The service, ready to run, at the schema that the code needs."""
    clock = SystemClock()
    async with open_database(settings, service=NAME) as database, open_fetcher(settings.fetch_policy()) as fetcher:
        outbox = Outbox(METADATA, issuer=settings.issuer, clock=clock)
        bus = Bus(settings, service=NAME)
        relay = Relay(database, METADATA, outbox, bus, clock=clock)
        work = Transactions(database, outbox, StoreWork)
        touch = TouchSessions(work=work, clock=clock)
        sweep = SweepSessions(work=work, clock=clock, lifetimes=settings.lifetimes, keep_ended=settings.keep_ended)
        passwords = PasswordPool(workers=settings.password_workers, queue=settings.password_queue)
        policy = PasswordPolicy(
            min_score=settings.password_min_score,
            is_breached=breached_passwords(settings, fetcher),
            brand=settings.brand_name,
        )
        emails = EmailParts(
            settings=settings,
            view=work.reading,
            work=work,
            require_session=RequireSession(clock=clock, lifetimes=settings.lifetimes),
            passwords=passwords,
            policy=policy,
            clock=clock,
            digest_key=keyed_hash(settings.session_attestation_key_file.first, "latchkey.v1: who asks for letters"),
        )
        try:
            yield Service(
                servicers=(
                    *_servicers(settings, work, passwords=passwords, policy=policy, touch=touch, emails=emails),
                    *emails.registrations(),
                ),
                tasks={
                    "bus": bus.run,
                    "relay": relay.run,
                    "outbox-purge": every(PURGE_SECONDS, "outbox-purge", relay.purge),
                    **emails.tasks(),
                    "touch-sessions": every(TOUCH_SECONDS, "touch-sessions", touch),
                    "sweep-sessions": every(SWEEP_SECONDS, "sweep-sessions", sweep),
                },
                checks={"database": database.check, "bus": bus.check, "outbox": relay.check},
            )
        finally:
            passwords.close()
            with suppress(TemporarilyUnavailable):
                while await touch():
                    pass


def _servicers(
    settings: AuthenticationSettings,
    work: Transactions[StoreWork],
    *,
    passwords: PasswordPool,
    policy: PasswordPolicy,
    touch: TouchSessions,
    emails: EmailParts,
) -> tuple[Registration, ...]:
    clock = SystemClock()
    lifetimes = settings.lifetimes
    attestation_key = settings.session_attestation_key_file.first
    # A key of its own, so that nothing said of names can ever be taken for a statement about a session.
    stand_in_key = keyed_hash(attestation_key, "latchkey.v1: names that nobody has")
    require_session = RequireSession(clock=clock, lifetimes=lifetimes)
    start = StartSession(clock=clock, lifetimes=lifetimes)
    throttle = AttemptThrottle(clock=clock)
    sign_in = SignIn(
        view=work.reading,
        work=work,
        passwords=passwords,
        clock=clock,
        start=start,
        throttle=throttle,
        stand_in_key=stand_in_key,
    )
    sessions = rpc.Sessions(
        sign_in=sign_in,
        get_session=GetSession(view=work.reading, clock=clock, lifetimes=lifetimes, touch=touch.note),
        end_session=EndSession(work=work, clock=clock),
        list_sessions=ListSessions(view=work.reading, require_session=require_session, lifetimes=lifetimes),
        end_own_sessions=EndOwnSessions(view=work.reading, work=work, require_session=require_session),
        change_password=ChangePassword(
            view=work.reading,
            work=work,
            require_session=require_session,
            passwords=passwords,
            policy=policy,
            throttle=throttle,
            clock=clock,
            stand_in_key=stand_in_key,
        ),
        attestation_key=attestation_key,
    )
    accounts = rpc.Accounts(
        get_account=GetAccount(view=work.reading, clock=clock, lifetimes=lifetimes), sign_in=sign_in
    )
    admin = rpc.UserAdmin(
        create_user=CreateUser(work=work, passwords=passwords, policy=policy, clock=clock),
        invite_user=emails.invite_user(),
        import_user=ImportUser(view=work.reading, work=work, clock=clock),
        list_users=ListUsers(view=work.reading),
        set_password=SetPassword(view=work.reading, work=work, passwords=passwords, policy=policy, clock=clock),
        disable_user=DisableUser(work=work, clock=clock),
        reset_factors=ResetFactors(work=work, clock=clock),
        find_user=FindUser(view=work.reading),
        update_user=UpdateUser(view=work.reading, work=work, attributes=settings.attributes_file, clock=clock),
    )
    return (
        Registration(
            sessions_pb2_grpc.add_SessionServiceServicer_to_server,
            sessions,
            sessions_pb2.DESCRIPTOR.services_by_name["SessionService"],
        ),
        Registration(
            accounts_pb2_grpc.add_AccountServiceServicer_to_server,
            accounts,
            accounts_pb2.DESCRIPTOR.services_by_name["AccountService"],
        ),
        Registration(
            admin_pb2_grpc.add_UserAdminServiceServicer_to_server,
            admin,
            admin_pb2.DESCRIPTOR.services_by_name["UserAdminService"],
        ),
        profile_service(work, require_session=require_session, attributes=settings.attributes_file),
        *factor_services(settings, work, require_session=require_session, start=start, stand_in_key=stand_in_key),
    )
