"""Ports: the interfaces that the use cases require."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from libs.servicekit.base.limits import Tally
from libs.servicekit.events.event import Event
from services.authentication.domain.accounts.account import Account, Credentials
from services.authentication.domain.accounts.claims import Profile
from services.authentication.domain.email.emails import Email, Outcome, QueuedEmail
from services.authentication.domain.email.links import LinkPurpose, MailedLink
from services.authentication.domain.factors.factor import Factor, TotpEnrolment, TotpFactor
from services.authentication.domain.factors.passkeys import Passkey
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import EndedSession, EndReason, Session
from services.authentication.domain.sessions.session_list import ListedSession
from services.authentication.domain.sign_in.sign_in_attempts import AttemptKind, SignInAttempt
from services.authentication.domain.sign_in.throttle import Failures


class AccountReader(Protocol):
    async def with_credentials(self, user_id: str) -> tuple[Account, Credentials] | None: ...

    async def credentials(self, username_key: str) -> Credentials | None:
        """What a sign-in under this name is judged by."""

    async def by_name(self, username_key: str) -> Account | None: ...

    async def page(self, *, after: str, size: int) -> Sequence[Account]:
        """At most `size` accounts with ids beyond `after`, in the order of their creation."""

    async def with_session(self, user_id: str, session_id: str) -> tuple[Account, Session | None] | None:
        """An account and, if the id is of a session of its own, that session: one read."""


class AccountWriter(Protocol):
    async def lock_account(self, user_id: str) -> Account | None:
        """The current account, locked until the end of the transaction."""

    async def named(self, *, username_key: str | None, address_key: str | None, limit: int) -> Sequence[str]:
        """Ids of active accounts with this name or with this address."""

    async def with_credentials(self, user_id: str) -> tuple[Account, Credentials] | None: ...

    async def lock(self, user_id: str) -> Credentials | None:
        """The current credentials, locked until the end of the transaction."""

    async def lock_named(self, username_key: str) -> str | None:
        """The id of the user with this name, locked as `lock` does; None if the name is unknown."""

    async def add(self, account: Account, *, username_key: str, password_hash: str) -> bool:
        """False when the name is taken; the work is then to be given up."""

    async def upgrade_hash(self, user_id: str, password_hash: str) -> None:
        """Keeps another hash of the same password."""

    async def set_password(self, username_key: str, password_hash: str) -> str | None:
        """The id of the user whose password was set; None if the name is unknown."""

    async def change_password(self, user_id: str, password_hash: str) -> None: ...

    async def set_profile(self, user_id: str, profile: Profile, *, now: datetime) -> None:
        """The standard claims alone."""

    async def set_claims(self, account: Account) -> None:
        """Profile and attributes, as they are in it."""

    async def erase(self, user_id: str) -> bool:
        """Forgets all that is known of an active account, in every table, and keeps its id. False when it is none."""

    async def disable(self, username_key: str) -> tuple[Account, bool] | None:
        """The account, and whether it was active; None if the name is unknown."""


class ExportReader(Protocol):
    async def of_user(self, user_id: str) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """The data of a user in the other tables, without secrets; timestamps as RFC 3339."""


class SessionReader(Protocol):
    async def with_account(self, secret_hash: bytes) -> tuple[Session, Account] | None:
        """The session behind a secret and the user it belongs to: one read."""

    async def live_of(self, user_id: str, *, now: datetime, limit: int) -> Sequence[ListedSession]:
        """Sessions that have not ended, those used last first."""


class SessionWriter(Protocol):
    async def with_account(self, secret_hash: bytes) -> tuple[Session, Account] | None: ...

    async def step_up(self, secret_hash: bytes, *, new_hash: bytes, acr: str, amr: tuple[str, ...]) -> Session | None:
        """The session behind a secret gets another secret and another class; None when it has ended."""

    async def add(self, session: Session, *, secret_hash: bytes, origin: Origin) -> None: ...

    async def end(self, secret_hash: bytes, *, reason: EndReason, now: datetime) -> EndedSession | None:
        """Ends the session behind a secret; None when there is none that has not ended."""

    async def end_all_of(self, user_id: str, *, reason: EndReason, now: datetime) -> Sequence[EndedSession]: ...

    async def end_others_of(
        self, user_id: str, *, keep: str, reason: EndReason, now: datetime
    ) -> Sequence[EndedSession]: ...

    async def end_one_of(
        self, user_id: str, session_id: str, *, reason: EndReason, now: datetime
    ) -> Sequence[EndedSession]:
        """Nothing when the session is another's."""

    async def end_surplus_of(self, user_id: str, *, keep: int, now: datetime) -> Sequence[EndedSession]:
        """Ends, as expired, all sessions of the user but the `keep` that were used last."""

    async def end_expired(self, *, unseen_since: datetime, now: datetime, limit: int) -> Sequence[EndedSession]:
        """Ends at most `limit` sessions that are past their time or unseen since then."""

    async def forget_ended(self, *, before: datetime, limit: int) -> int:
        """Deletes at most `limit` sessions that ended before then; how many it was."""

    async def touch(self, session_ids: Sequence[str], *, seen_at: datetime) -> None:
        """Records a use of these sessions; those that have ended stay as they are."""


class FailureReader(Protocol):
    async def under(self, keys: Collection[bytes]) -> Mapping[bytes, Failures]:
        """What was counted under these keys, as far as anything was."""


class FailureWriter(FailureReader, Protocol):
    async def count(self, keys: Collection[bytes], *, now: datetime) -> None: ...

    async def forgive(self, key: bytes) -> None: ...

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Deletes at most `limit` counts whose last failure was before then; how many it was."""


class EmailWriter(Protocol):
    async def post(self, email: Email, *, now: datetime) -> str:
        """Sends it after the commit, to the address that it names or that the account has now; its id.

        An account without an address that can be written to gets none, and the id is empty.
        """

    async def queue(self, emails: Sequence[Email], *, now: datetime) -> Sequence[str]:
        """Queues emails in one statement. The recipients are looked up when the emails are sent."""

    async def claim(self, *, limit: int, now: datetime) -> Sequence[QueuedEmail]:
        """Letters that are due, each for exactly one caller until its lease ends; the longest due first."""

    async def postpone(self, posted: QueuedEmail, *, until: datetime) -> bool:
        """False if the lease has ended and another replica has begun an attempt."""

    async def settle(self, posted: QueuedEmail, outcome: Outcome) -> bool:
        """As `postpone`. What it said and to whom is forgotten; the row stays for a while."""

    async def forget(self, *, now: datetime, limit: int) -> int:
        """Deletes at most `limit` that have been kept long enough; how many it was."""


class LinkReader(Protocol):
    async def find(self, secret_hash: bytes, purpose: LinkPurpose) -> MailedLink | None:
        """The link behind a secret, whether or not it can still be used. Looking changes nothing."""


class LinkWriter(LinkReader, Protocol):
    async def put(self, link: MailedLink, *, secret_hash: bytes | None) -> None:
        """Keeps it. Once more with the same id: another secret and another end; what it opens stays as it was."""

    async def get(self, link_id: str) -> MailedLink | None: ...

    async def use(self, secret_hash: bytes, purpose: LinkPurpose, *, now: datetime) -> MailedLink | None:
        """The link, for one caller alone; None when there is none that can be used now."""

    async def forget(self, *, before: datetime, limit: int) -> int:
        """Deletes at most `limit` that ended before then; how many it was."""


class TallyWriter(Protocol):
    """How often something happened within a window: libs/servicekit/sql/tallies.py."""

    async def read(self, keys: Iterable[str]) -> Mapping[str, Tally]: ...

    async def add(self, keys: Iterable[str], *, window: timedelta, now: datetime) -> Mapping[str, Tally]: ...

    async def forget(self, *, began_before: datetime, limit: int) -> int: ...


class FactorReader(Protocol):
    async def of(self, user_id: str) -> Sequence[Factor]:
        """The oldest first."""

    async def codes_left(self, user_id: str) -> int:
        """Recovery codes that have not been used."""


class FactorWriter(FactorReader, Protocol):
    """The user has been locked (AccountWriter.lock) before any of these is called."""

    async def totp_of(self, user_id: str) -> Sequence[TotpFactor]: ...

    async def consume_step(self, factor_id: str, step: int, *, sealed_secret: bytes, now: datetime) -> bool:
        """False when it, or a later one, was used before. Keeps the secret as it is sealed today."""

    async def add(self, factor: Factor, *, user_id: str) -> None:
        """One whose particulars are kept elsewhere."""

    async def add_totp(self, factor: Factor, *, user_id: str, sealed_secret: bytes, step: int) -> None: ...

    async def remove(self, user_id: str, factor_id: str) -> Factor | None:
        """None when the user has no such factor."""

    async def remove_all(self, user_id: str) -> Sequence[Factor]:
        """What there was; recovery codes go as well."""

    async def enrolment_of(self, user_id: str) -> TotpEnrolment | None: ...

    async def begin_enrolment(self, enrolment: TotpEnrolment) -> None: ...

    async def forget_enrolment(self, user_id: str) -> None: ...

    async def forget_enrolments(self, *, before: datetime, limit: int) -> int: ...

    async def replace_codes(self, user_id: str, hashes: Sequence[bytes], *, now: datetime) -> None: ...

    async def consume_code(self, user_id: str, code_hashes: Collection[bytes], *, now: datetime) -> bool:
        """`code_hashes`: of one code. False when it is none of the user's, or was used before."""


class PasskeyReader(Protocol):
    async def of(self, user_id: str) -> Sequence[Passkey]: ...


class PasskeyWriter(PasskeyReader, Protocol):
    async def find(self, credential_id: bytes) -> tuple[Passkey, str] | None:
        """The passkey, and what its owner's name is found by."""

    async def add(self, passkey: Passkey) -> bool:
        """False if the passkey is already registered; the caller must then roll back."""

    async def record_use(self, passkey: Passkey, *, sign_count: int, backed_up: bool, now: datetime) -> bool:
        """False when it was used since it was read."""

    async def consume_challenge(self, challenge: bytes, *, expires_at: datetime) -> bool:
        """False when it was answered before."""

    async def forget_challenges(self, *, before: datetime, limit: int) -> int: ...


class AttemptReader(Protocol):
    async def find(self, secret_hash: bytes) -> SignInAttempt | None: ...


class AttemptWriter(AttemptReader, Protocol):
    async def add(
        self,
        secret_hash: bytes,
        *,
        kind: AttemptKind,
        user_id: str,
        password_version: int,
        session_hash: bytes | None,
        amr: tuple[str, ...],
        expires_at: datetime,
    ) -> None: ...

    async def complete(self, secret_hash: bytes, *, now: datetime) -> bool:
        """False when it was completed before, or has expired."""

    async def forget(self, *, before: datetime, limit: int) -> int: ...


class View(Protocol):
    """A consistent look at the store that changes nothing."""

    @property
    def accounts(self) -> AccountReader: ...
    @property
    def sessions(self) -> SessionReader: ...
    @property
    def exports(self) -> ExportReader: ...
    @property
    def failures(self) -> FailureReader: ...
    @property
    def links(self) -> LinkReader: ...
    @property
    def factors(self) -> FactorReader: ...
    @property
    def passkeys(self) -> PasskeyReader: ...
    @property
    def attempts(self) -> AttemptReader: ...


class Work(Protocol):
    """One transaction: its writes and its events are committed together."""

    @property
    def accounts(self) -> AccountWriter: ...
    @property
    def sessions(self) -> SessionWriter: ...
    @property
    def failures(self) -> FailureWriter: ...
    @property
    def emails(self) -> EmailWriter: ...
    @property
    def links(self) -> LinkWriter: ...
    @property
    def tallies(self) -> TallyWriter: ...
    @property
    def factors(self) -> FactorWriter: ...
    @property
    def passkeys(self) -> PasskeyWriter: ...
    @property
    def attempts(self) -> AttemptWriter: ...
    def emit(self, *events: Event) -> None:
        """Tells subscribers, if and when the work is committed."""


ViewFactory = Callable[[], AbstractAsyncContextManager[View]]
WorkFactory = Callable[[], AbstractAsyncContextManager[Work]]


@dataclass(frozen=True)
class Mail:
    """One email as it goes out."""

    letter_id: str
    address: str
    locale: str
    subject: str
    text: str
    html: str


class MailRefusedError(Exception):
    """An email was not taken. `for_good`: it never will be. The message names no address."""

    def __init__(self, cause: str, *, for_good: bool) -> None:
        super().__init__(cause)
        self.for_good = for_good


class Mailer(Protocol):
    async def send(self, mail: Mail, *, now: datetime) -> None:
        """Returns when the mail server has taken it. Raises MailRefusedError."""


class Compose(Protocol):
    def __call__(self, posted: QueuedEmail, *, address: str, account: Account | None, link: str) -> Mail:
        """The email in words. `link`: a URL, or empty where there is none."""


@dataclass(frozen=True)
class Accepted:
    """An accepted password. `looked_up`: the breached-password check was done or is disabled."""

    looked_up: bool


class PasswordPolicy(Protocol):
    async def __call__(self, password: str, *, about: Collection[str]) -> Accepted:
        """Raises InvalidRequest if the new password is not acceptable."""


class PasswordHasher(Protocol):
    """Password hashing away from the event loop. Every call may raise TemporarilyUnavailable: the queue is full."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """False without a hash, at the same price."""

    def outdated(self, password_hash: str) -> bool:
        """The hash was made with other parameters than today's."""
