"""The authentication service on a real database, with a clock that tests move and hashing that tests watch."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select, text, update

from libs.crypto.one_time_passwords import STEP_SECONDS, totp_code, totp_step
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
from services.authentication.ports.email import Mail, MailRefusedError
from services.authentication.store.rows import profile_values
from services.authentication.store.tables import EMAILS, METADATA, SESSIONS, USERS
from services.authentication.store.work import StoreWork
from services.authentication.usecases.accounts.create_user import NewUser
from services.authentication.usecases.factors.verify_factor import Proof
from services.authentication.usecases.sessions.start_session import SignedIn
from services.authentication.usecases.sign_in.sign_in import Attempt, SecondStep
from services.authentication.wiring import Options, Ports, compose
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
    """A mailer that keeps emails in memory; `refusals`: its responses to the next ones."""

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
    breach_service_unavailable: bool = False
    """The breach service does not respond."""
    passwords: WatchedPasswords = field(default_factory=WatchedPasswords)

    def __post_init__(self) -> None:
        self.policy = PasswordPolicy(min_score=2, is_breached=self._is_stolen, brand="Example")
        work = Transactions(self.database, Outbox(METADATA, issuer=ISSUER, clock=self.clock), StoreWork)
        self.work = work
        use_cases = compose(
            Ports(
                begin=work,
                view=work.reading,
                passwords=self.passwords,
                policy=self.policy,
                compose_email=_TEXTS,
                mailer=self.mailer,
                clock=self.clock,
            ),
            Options(
                issuer=ISSUER,
                lifetimes=Lifetimes(idle=IDLE, absolute=ABSOLUTE),
                keep_ended=KEEP_ENDED,
                attributes=ATTRIBUTES,
                sign_up=True,
                stand_in_key=b"k" * 32,
                factor_key=KeyEncryptionKey(*self.factor_keys),
                recovery_keys=self.factor_keys,
                challenge_key=b"c" * 32,
                email_digest_key=b"d" * 32,
            ),
        )
        self.sign_in = use_cases.sign_in
        self.start_step_up = use_cases.start_step_up
        self.find_attempt = use_cases.find_attempt
        self.continue_sign_in = use_cases.continue_sign_in
        self.start_passkey_sign_in = use_cases.start_passkey_sign_in
        self.sign_in_with_passkey = use_cases.sign_in_with_passkey
        self.get_session = use_cases.get_session
        self.end_session = use_cases.end_session
        self.list_sessions = use_cases.list_sessions
        self.end_own_sessions = use_cases.end_own_sessions
        self.touch = use_cases.touch_sessions
        self.sweep = use_cases.sweep_sessions
        self.list_factors = use_cases.list_factors
        self.start_totp = use_cases.start_totp
        self.confirm_totp = use_cases.confirm_totp
        self.remove_factor = use_cases.remove_factor
        self.create_recovery_codes = use_cases.create_recovery_codes
        self.start_passkey = use_cases.start_passkey
        self.add_passkey = use_cases.add_passkey
        self.reset_factors = use_cases.reset_factors
        self.get_account = use_cases.get_account
        self.create_user = use_cases.create_user
        self.import_user = use_cases.import_user
        self.invite_user = use_cases.invite_user
        self.list_users = use_cases.list_users
        self.find_user = use_cases.find_user
        self.update_user = use_cases.update_user
        self.disable_user = use_cases.disable_user
        self.set_password = use_cases.set_password
        self.change_password = use_cases.change_password
        self.get_profile = use_cases.get_profile
        self.update_profile = use_cases.update_profile
        self.export_account = use_cases.export_account
        self.delete_account = use_cases.delete_account
        self.get_address = use_cases.get_address
        self.request_address = use_cases.request_address
        self.find_address_request = use_cases.find_address_request
        self.confirm_address = use_cases.confirm_address
        self.request_sign_up = use_cases.request_sign_up
        self.find_sign_up = use_cases.find_sign_up
        self.complete_sign_up = use_cases.complete_sign_up
        self.request_reset = use_cases.request_reset
        self.find_reset = use_cases.find_reset
        self.reset_password = use_cases.reset_password
        self.send_email, self.sweep_emails = use_cases.send_email, use_cases.sweep_emails
        self.use_cases = use_cases

    async def _is_stolen(self, password: str) -> bool:
        if self.breach_service_unavailable:
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
        """As an operator or the user changes them."""
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
        """Every change has exactly one event, and there are no other events. `forgotten`: sessions deleted since."""
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
        assert sorted(emitted for emitted in ended_events if emitted[0] not in forgotten) == sorted(ended)
        assert {emitted[0] for emitted in ended_events} >= forgotten
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
