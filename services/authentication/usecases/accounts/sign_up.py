"""A user signs up: the account is created after the email address is confirmed."""

from libs.crypto.hashing import secret_hash
from libs.crypto.random import uuid7
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.account import Account, AccountState
from services.authentication.domain.accounts.claim_rules import parse_profile
from services.authentication.domain.accounts.claims import Profile
from services.authentication.domain.accounts.email_addresses import address_key, check_address
from services.authentication.domain.accounts.usernames import check_username, lookup_key
from services.authentication.domain.email.emails import Email, EmailKind
from services.authentication.domain.email.links import LinkPurpose
from services.authentication.domain.sessions.origin import Origin
from services.authentication.ports.sign_in import PasswordHasher, PasswordPolicy
from services.authentication.ports.work import Begin, View, Writer
from services.authentication.usecases.accounts.reset_password import link_unknown
from services.authentication.usecases.email.limit_emails import LimitEmails

_PURPOSE = LinkPurpose.SIGN_UP


class RequestSignUp:
    """The same statements whether or not there is an account with the address: the email alone is another."""

    def __init__(self, *, work: Begin, limit: LimitEmails, is_open: bool, clock: Clock) -> None:
        self._work = work
        self._limit = limit
        self._is_open = is_open
        self._clock = clock

    async def __call__(self, typed: str, *, locale: str, origin: Origin) -> None:
        """Posts an email to the address: with a link, or with the news that there is an account.

        Raises:
            InvalidRequest: SIGN_UP_CLOSED, ADDRESS_MALFORMED.
            TemporarilyUnavailable: LETTERS_THROTTLED, for known and unknown users.
        """
        if not self._is_open:
            raise InvalidRequest(
                "Sign-up is disabled: set LATCHKEY_SIGN_UP to enable it.",
                reason=Reason.SIGN_UP_CLOSED,
                redirectable=False,
            )
        address = check_address(typed)
        name, key = lookup_key(address), address_key(address)
        now = self._clock.now()
        async with self._work() as work:
            may = await self._limit(work, name or "", origin=origin, now=now)
            present = await work.accounts.named(username_key=name, address_key=key, limit=1)
            email = (
                Email(kind=EmailKind.SIGN_UP_TAKEN, user_id=present[0], locale=locale)
                if present
                else Email(kind=EmailKind.SIGN_UP, address=address, locale=locale)
            )
            if may:
                await work.emails.queue([email], now=now)


class FindSignUp:
    def __init__(self, *, view: View, clock: Clock) -> None:
        self._view = view
        self._clock = clock

    async def __call__(self, token: str) -> str:
        """The address that the link is about; looking changes nothing. Raises InvalidRequest: LINK_UNKNOWN."""
        async with self._view() as view:
            link = await view.links.find(secret_hash(token), _PURPOSE)
        if link is None or not link.open(now=self._clock.now()):
            raise link_unknown()
        return link.address


class CompleteSignUp:
    def __init__(
        self, *, work: Begin, find: FindSignUp, passwords: PasswordHasher, policy: PasswordPolicy, clock: Clock
    ) -> None:
        self._work = work
        self._find = find
        self._passwords = passwords
        self._policy = policy
        self._clock = clock

    async def __call__(self, token: str, password: str, *, name: str) -> Account:
        """Create an account with the verified address as its username. A refusal does not consume the link.

        Raises:
            InvalidRequest: LINK_UNKNOWN, also when another account has the address; or the name or the password is
                invalid.
            TemporarilyUnavailable: the queue of the password hasher is full.
        """
        account = self._account(await self._find(token), name)
        accepted = await self._policy(password, about=account.words)
        password_hash = await self._passwords.hash(password)
        username, username_key = check_username(account.username)
        async with self._work() as work:
            link = await work.links.use(secret_hash(token), _PURPOSE, now=self._clock.now())
            if link is None or await work.accounts.named(
                username_key=username_key, address_key=address_key(username), limit=1
            ):
                raise link_unknown()
            await self._add(work, account, username_key=username_key, password_hash=password_hash)
            work.emit(events.account_created(account.id, actor=events.user(account.id)))
            work.emit(*events.email_verified(account.id, ["email", "email_verified"]))
            work.emit(*events.password_unchecked(account.id, accepted))
        return account

    async def _add(self, work: Writer, account: Account, *, username_key: str, password_hash: str) -> None:
        """Raises InvalidRequest: LINK_UNKNOWN, when another account has the name or, verified, the address."""
        try:
            added = await work.accounts.add(account, username_key=username_key, password_hash=password_hash)
        except InvalidRequest:
            added = False
        if not added:
            raise link_unknown()

    def _account(self, address: str, name: str) -> Account:
        now = self._clock.now()
        profile = parse_profile({"name": name.strip()} if name.strip() else {}, today=now.date())
        return Account(
            id=uuid7(now),
            username=check_username(address)[0],
            state=AccountState.ACTIVE,
            profile=Profile(name=profile.name, email=address, email_verified=True),
            created_at=now,
            profile_updated_at=now,
        )
