"""The authentication service on a real database, with a clock that tests move and hashing that tests watch."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select, text, update

from libs.crypto.one_time_passwords import STEP_SECONDS, totp_code, totp_step
from libs.crypto.passkeys import RelyingParty
from libs.crypto.sealing import KeyEncryptionKey
from libs.oauth.attributes import parse_attributes
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.events.unit_of_work import Transactions
from libs.servicekit.sql.database import Database
from services.authentication.adapters.breached_passwords import LookUpFailedError
from services.authentication.adapters.email_deliveries import EmailDeliveries
from services.authentication.adapters.email_texts import EmailTexts
from services.authentication.adapters.password_policy import PasswordPolicy
from services.authentication.adapters.password_pool import PasswordPool
from services.authentication.domain.accounts.account import Account
from services.authentication.domain.accounts.claims import Profile
from services.authentication.domain.factors.factor import FactorKind
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import Lifetimes
from services.authentication.ports import Mail, MailRefusedError
from services.authentication.store.rows import profile_values
from services.authentication.store.tables import EMAILS, METADATA, SESSIONS, USERS
from services.authentication.store.work import StoreWork
from services.authentication.usecases.accounts.change_email_address import (
    ConfirmAddress,
    FindAddressRequest,
    GetOwnAddress,
    RequestAddress,
)
from services.authentication.usecases.accounts.change_password import ChangePassword
from services.authentication.usecases.accounts.create_user import CreateUser, NewUser
from services.authentication.usecases.accounts.delete_account import DeleteAccount
from services.authentication.usecases.accounts.disable_user import DisableUser
from services.authentication.usecases.accounts.export_account import ExportAccount
from services.authentication.usecases.accounts.get_account import GetAccount
from services.authentication.usecases.accounts.import_user import ImportUser
from services.authentication.usecases.accounts.invite_user import InviteUser
from services.authentication.usecases.accounts.list_users import ListUsers
from services.authentication.usecases.accounts.profile import FindUser, GetProfile, UpdateProfile, UpdateUser
from services.authentication.usecases.accounts.request_password_reset import RequestPasswordReset
from services.authentication.usecases.accounts.reset_password import FindPasswordReset, ResetPassword
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
from services.authentication.usecases.factors.verify_factor import Proof, ProveFactor
from services.authentication.usecases.sessions.end_session import EndSession
from services.authentication.usecases.sessions.get_session import GetSession
from services.authentication.usecases.sessions.own_sessions import EndOwnSessions, ListSessions, RequireSession
from services.authentication.usecases.sessions.start_session import SignedIn, StartSession
from services.authentication.usecases.sessions.sweep_sessions import SweepSessions
from services.authentication.usecases.sessions.touch_sessions import TouchSessions
from services.authentication.usecases.sign_in.attempt_throttle import AttemptThrottle
from services.authentication.usecases.sign_in.continue_sign_in import ContinueSignIn
from services.authentication.usecases.sign_in.find_attempt import FindAttempt
from services.authentication.usecases.sign_in.sign_in import Attempt, SecondStep, SignIn
from services.authentication.usecases.sign_in.sign_in_with_passkey import SignInWithPasskey, StartPasskeySignIn
from services.authentication.usecases.sign_in.start_step_up import StartStepUp
from tests.support.soft_passkey import SoftPasskey

ISSUER = "https://issuer.example"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
IDLE = timedelta(hours=8)
ABSOLUTE = timedelta(days=14)
KEEP_ENDED = timedelta(days=1)
PASSWORD = "alice-password"
ATTRIBUTES = parse_attributes("""
[attributes.department]
type = "text"
writer = "operator"
scope = "employee"
label = { en = "Department", de = "Abteilung" }

[attributes.shoe_size]
type = "number"
writer = "person"
scope = "sizes"
label = "Shoe size"
""")
STEP = timedelta(seconds=STEP_SECONDS)
ORIGIN = Origin(ip_prefix="192.0.2.0/24", client_id="c_shop", correlation_id="request-1")
T = TypeVar("T")
_TEXTS = EmailTexts(brand="Example", issuer=ISSUER)
"""Shared by all worlds: compiling the templates takes longer than most tests."""


class Clock:
    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> datetime:
        return self.moment

    def move(self, by: timedelta) -> None:
        self.moment += by


class WatchedPasswords(PasswordPool):
    """The real pool; counts what it computes, and lets a test do something in the middle of it."""

    def __init__(self) -> None:
        super().__init__(workers=2, queue=64)
        self.operations = 0
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def _run(self, operation: Callable[[], T]) -> T:
        self.operations += 1
        result = await super()._run(operation)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return result


@dataclass
class Pigeonhole:
    """A post office that keeps emails in memory; `refusals`: what it says to the next ones."""

    mails: list[Mail] = field(default_factory=list)
    refusals: list[MailRefusedError] = field(default_factory=list)

    async def send(self, mail: Mail, *, now: datetime) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.mails.append(mail)


@dataclass
class World:
    database: Database
    clock: Clock = field(default_factory=Clock)
    mailer: Pigeonhole = field(default_factory=Pigeonhole)
    stolen: set[str] = field(default_factory=set)
    """Passwords that are known to have been stolen."""
    factor_keys: tuple[bytes, ...] = (b"f" * 32,)
    nobody_knows: bool = False
    """Whoever knows of stolen passwords does not answer."""
    passwords: WatchedPasswords = field(default_factory=WatchedPasswords)

    def __post_init__(self) -> None:
        self.policy = PasswordPolicy(min_score=2, is_breached=self._is_stolen, brand="Example")
        lifetimes = Lifetimes(idle=IDLE, absolute=ABSOLUTE)
        clock, passwords = self.clock, self.passwords
        work = Transactions(self.database, Outbox(METADATA, issuer=ISSUER, clock=clock), StoreWork)
        self.work = work
        self.touch = TouchSessions(work=work, clock=clock)
        self.sweep = SweepSessions(work=work, clock=clock, lifetimes=lifetimes, keep_ended=KEEP_ENDED)
        self.sign_in = SignIn(
            view=work.reading,
            work=work,
            passwords=passwords,
            clock=clock,
            start=(start := StartSession(clock=clock, lifetimes=lifetimes)),
            throttle=(throttle := AttemptThrottle(clock=clock)),
            stand_in_key=b"k" * 32,
        )
        self.get_session = GetSession(view=work.reading, clock=clock, lifetimes=lifetimes, touch=self.touch.note)
        self.end_session = EndSession(work=work, clock=clock)
        require_session = RequireSession(clock=clock, lifetimes=lifetimes)
        self.list_sessions = ListSessions(view=work.reading, require_session=require_session, lifetimes=lifetimes)
        self.end_own_sessions = EndOwnSessions(view=work.reading, work=work, require_session=require_session)
        self.change_password = ChangePassword(
            view=work.reading,
            work=work,
            require_session=require_session,
            passwords=passwords,
            policy=self.policy,
            throttle=throttle,
            clock=clock,
            stand_in_key=b"k" * 32,
        )
        self._with_emails(require_session)
        self.get_account = GetAccount(view=work.reading, clock=clock, lifetimes=lifetimes)
        self.create_user = CreateUser(work=work, passwords=passwords, policy=self.policy, clock=clock)
        self.import_user = ImportUser(view=work.reading, work=work, clock=clock)
        self.list_users = ListUsers(view=work.reading)
        self.set_password = SetPassword(
            view=work.reading, work=work, passwords=passwords, policy=self.policy, clock=clock
        )
        self.disable_user = DisableUser(work=work, clock=clock)
        self.reset_factors = ResetFactors(work=work, clock=clock)
        factor_key, recovery_keys = KeyEncryptionKey(*self.factor_keys), self.factor_keys
        ceremonies = Ceremonies(RelyingParty.of(ISSUER), key=b"c" * 32, clock=clock)
        prove = ProveFactor(factor_key=factor_key, recovery_keys=recovery_keys, ceremonies=ceremonies, clock=clock)
        self.start_passkey = StartPasskey(view=work.reading, require_session=require_session, ceremonies=ceremonies)
        self.add_passkey = AddPasskey(
            work=work, require_session=require_session, start=start, ceremonies=ceremonies, clock=clock
        )
        self.start_passkey_sign_in = StartPasskeySignIn(ceremonies=ceremonies)
        self.sign_in_with_passkey = SignInWithPasskey(
            work=work, ceremonies=ceremonies, start=start, clock=clock, stand_in_key=b"k" * 32
        )
        self.find_attempt = FindAttempt(view=work.reading, ceremonies=ceremonies, clock=clock)
        self.continue_sign_in = ContinueSignIn(work=work, prove=prove, start=start, clock=clock, stand_in_key=b"k" * 32)
        self.start_step_up = StartStepUp(work=work, require_session=require_session, clock=clock)
        self.list_factors = ListFactors(view=work.reading, require_session=require_session)
        self.start_totp = StartTotp(work=work, require_session=require_session, factor_key=factor_key, clock=clock)
        self.confirm_totp = ConfirmTotp(
            work=work, require_session=require_session, start=start, factor_key=factor_key, clock=clock
        )
        self.remove_factor = RemoveFactor(work=work, require_session=require_session, clock=clock)
        self.create_recovery_codes = CreateRecoveryCodes(
            work=work, require_session=require_session, recovery_key=recovery_keys[0], clock=clock
        )

    def _with_emails(self, require_session: RequireSession) -> None:
        work, passwords, clock = self.work, self.passwords, self.clock
        self.send_email = SendEmail(
            work=work,
            compose=_TEXTS,
            mailer=self.mailer,
            issuer=ISSUER,
            clock=clock,
        )
        self.get_address = GetOwnAddress(view=work.reading, require_session=require_session)
        self.request_address = RequestAddress(
            view=work.reading,
            work=work,
            require_session=require_session,
            limit=LimitEmails(key=b"d" * 32),
            has_mail=True,
            clock=clock,
        )
        self.find_address_request = FindAddressRequest(view=work.reading, require_session=require_session, clock=clock)
        self.confirm_address = ConfirmAddress(view=work.reading, work=work, find=self.find_address_request, clock=clock)
        self.invite_user = InviteUser(work=work, has_mail=True, clock=clock)
        self.request_sign_up = RequestSignUp(work=work, limit=LimitEmails(key=b"d" * 32), is_open=True, clock=clock)
        self.find_sign_up = FindSignUp(view=work.reading, clock=clock)
        self.complete_sign_up = CompleteSignUp(
            work=work, find=self.find_sign_up, passwords=passwords, policy=self.policy, clock=clock
        )
        self.request_reset = RequestPasswordReset(
            work=work, limit=LimitEmails(key=b"d" * 32), has_mail=True, clock=clock
        )
        self.find_reset = FindPasswordReset(view=work.reading, clock=clock)
        self.reset_password = ResetPassword(
            view=work.reading, work=work, find=self.find_reset, passwords=passwords, policy=self.policy, clock=clock
        )
        self.get_profile = GetProfile(view=work.reading, require_session=require_session)
        self.update_profile = UpdateProfile(
            view=work.reading, work=work, require_session=require_session, attributes=ATTRIBUTES, clock=clock
        )
        self.find_user = FindUser(view=work.reading)
        self.update_user = UpdateUser(view=work.reading, work=work, attributes=ATTRIBUTES, clock=clock)
        self.export_account = ExportAccount(view=work.reading, require_session=require_session)
        self.delete_account = DeleteAccount(view=work.reading, work=work, require_session=require_session, clock=clock)
        self.sweep_emails = SweepEmails(work=work, clock=clock)

    async def _is_stolen(self, password: str) -> bool:
        if self.nobody_knows:
            raise LookUpFailedError
        return password in self.stolen

    async def user(self, username: str = "alice", **claims: object) -> Account:
        return await self.create_user(NewUser(username, PASSWORD, claims), operator="cli")

    async def signed_in(
        self, username: str = "alice", *, session_secret: str = "", password: str = PASSWORD
    ) -> SignedIn:
        following = await self.sign_in(attempt(username, password, session_secret=session_secret))
        assert isinstance(following, SignedIn)
        return following

    async def half_signed_in(self, username: str = "alice", *, session_secret: str = "") -> str:
        """The secret of an attempt: the password was right, and the user has a second factor."""
        following = await self.sign_in(attempt(username, session_secret=session_secret))
        assert isinstance(following, SecondStep)
        return following.attempt_secret

    async def with_app(self, signed_in: SignedIn) -> "App":
        """Sets up an authenticator app in a session."""
        secret, _ = await self.start_totp(signed_in.session_secret)
        app = App(secret, self.clock)
        after = await self.confirm_totp(signed_in.session_secret, app.code(), name="", origin=ORIGIN)
        self.clock.move(STEP)
        return replace(app, session=after)

    async def sign_in_again(self, passkey: SoftPasskey) -> SignedIn:
        """A session by both steps."""
        attempt_secret = await self.half_signed_in()
        options = (await self.find_attempt(attempt_secret, session_secret="")).passkey_options
        return await self.prove(attempt_secret, passkey.get(options), kind="passkey")

    async def prove(self, attempt_secret: str, code: str, *, session_secret: str = "", kind: str = "totp") -> SignedIn:
        proof = Proof(FactorKind(kind), code)
        return await self.continue_sign_in(attempt_secret, proof, session_secret=session_secret, origin=ORIGIN)

    async def live(self, signed_in: SignedIn) -> bool:
        return await self.get_session(signed_in.session_secret) is not None

    async def change_claims(self, user_id: str, changes: dict[str, object]) -> None:
        """As whoever may change them does."""
        async with self.database.transaction() as session:
            claims = (await session.execute(select(USERS.c.claims).where(USERS.c.id == user_id))).scalar_one()
            values = profile_values(Profile.of(claims | changes))
            await session.execute(update(USERS).where(USERS.c.id == user_id).values(**values))

    async def mails(self) -> list[Mail]:
        """What is in the mailboxes once everything that is due has been sent."""
        while await EmailDeliveries(self.send_email).step():
            pass
        return self.mailer.mails

    async def emails(self) -> Sequence[Any]:
        async with self.database.snapshot() as session:
            return (await session.execute(select(EMAILS).order_by(EMAILS.c.letter_id))).all()

    async def sessions(self) -> Sequence[Any]:
        async with self.database.snapshot() as session:
            return (await session.execute(select(SESSIONS).order_by(SESSIONS.c.id))).all()

    async def users(self) -> Sequence[Any]:
        async with self.database.snapshot() as session:
            return (await session.execute(select(USERS).order_by(USERS.c.id))).all()

    async def events(self, *names: str) -> list[dict[str, Any]]:
        """What subscribers will see, in the order of the outbox; of these names only, if there are any."""
        outbox = METADATA.tables["outbox"]
        async with self.database.snapshot() as session:
            rows = (await session.execute(select(outbox.c.envelope).order_by(outbox.c.position))).scalars()
            events = [json.loads(row) for row in rows]
        types = {f"latchkey.{name}.v1" for name in names}
        return [event for event in events if not names or event["type"] in types]

    async def raw(self, query: str) -> Sequence[Any]:
        async with self.database.snapshot() as session:
            return (await session.execute(text(query))).all()

    async def outbox_text(self) -> str:
        return json.dumps(await self.events())

    async def check_books(self, *, forgotten: frozenset[str] = frozenset()) -> None:
        """Every change of state has been told, once, and nothing else has. `forgotten`: sessions swept away since."""
        sessions = {row.id: row for row in await self.sessions()}
        users = {row.id: row for row in await self.users()}
        created_events = [event["data"]["session_id"] for event in await self.events("session.created")]
        logins = [event["data"]["session_id"] for event in await self.events("login.succeeded")]
        ended_events = [
            (event["data"]["session_id"], event["data"]["user_id"], event["reason"])
            for event in await self.events("session.ended")
        ]
        assert sorted(created_events) == sorted(logins) == sorted(sessions.keys() | forgotten)
        ended = [(row.id, row.user_id, row.end_reason) for row in sessions.values() if row.ended_at]
        assert sorted(told for told in ended_events if told[0] not in forgotten) == sorted(ended)
        assert {told[0] for told in ended_events} >= forgotten
        assert sorted(e["subject"] for e in await self.events("account.created")) == sorted(users)
        disabled = [row.id for row in users.values() if row.state == "disabled"]
        assert sorted(e["subject"] for e in await self.events("account.disabled")) == sorted(disabled)
        changes = sum(row.password_version - 1 for row in users.values())
        assert len(await self.events("password.changed")) == changes


@dataclass(frozen=True)
class App:
    """An authenticator app, and the session in which it was set up."""

    secret: bytes
    clock: Clock
    session: SignedIn | None = None

    def code(self, *, steps: int = 0) -> str:
        """The present code, or one some steps away."""
        return totp_code(self.secret, totp_step(self.clock.now()) + steps)


def attempt(username: str = "alice", password: str = PASSWORD, *, session_secret: str = "") -> Attempt:
    return Attempt(username, password, session_secret, ORIGIN)
