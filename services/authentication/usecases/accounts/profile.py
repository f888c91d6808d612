"""A user looks at what is known of them, and changes what is theirs to change; an operator does for them."""

from collections.abc import Collection, Mapping
from datetime import date, datetime

from libs.oauth.attributes import Attributes
from libs.servicekit.base.clock import Clock
from libs.servicekit.events.event import Actor
from services.authentication import events
from services.authentication.domain.accounts.account import Account, AccountState
from services.authentication.domain.accounts.attribute_policy import changed_attributes
from services.authentication.domain.accounts.claim_policy import ClaimWriter, changed
from services.authentication.domain.accounts.claim_rules import parse_profile
from services.authentication.domain.accounts.claims import Profile
from services.authentication.domain.accounts.usernames import unknown_user
from services.authentication.ports.work import Begin, View, Writer
from services.authentication.usecases.accounts.find_user import find_user
from services.authentication.usecases.sessions.own_sessions import RequireSession


class GetProfile:
    def __init__(self, *, view: View, require_session: RequireSession) -> None:
        self._view = view
        self._require_session = require_session

    async def __call__(self, session_secret: str) -> Account:
        """The account of the signed-in user. Raises AccessDenied: SESSION_MISSING."""
        async with self._view() as view:
            return (await self._require_session(view, session_secret)).account


class UpdateProfile:
    def __init__(
        self,
        *,
        view: View,
        work: Begin,
        require_session: RequireSession,
        attributes: Attributes,
        clock: Clock,
    ) -> None:
        self._view = view
        self._work = work
        self._require_session = require_session
        self._attributes = attributes
        self._clock = clock

    async def __call__(self, session_secret: str, unverified_claims: Mapping[str, object]) -> None:
        """Writes claims of the signed-in user: all of them or none.

        Raises:
            AccessDenied: SESSION_MISSING.
            InvalidRequest: CLAIM_UNKNOWN, CLAIM_READ_ONLY.
            RefusedClaim: a value is invalid.
        """
        async with self._view() as view:
            user_id = (await self._require_session(view, session_secret)).account.id
        async with self._work() as work:
            await write_claims(
                work,
                user_id,
                unverified_claims,
                known=self._attributes,
                writer=ClaimWriter.USER,
                actor=events.user(user_id),
                clock=self._clock,
            )


class FindUser:
    def __init__(self, *, view: View) -> None:
        self._view = view

    async def __call__(self, who: str) -> Account:
        """Raises InvalidRequest: USER_UNKNOWN, USER_AMBIGUOUS."""
        async with self._view() as view:
            return await find_user(view.accounts, who)


class UpdateUser:
    def __init__(self, *, view: View, work: Begin, attributes: Attributes, clock: Clock) -> None:
        self._view = view
        self._work = work
        self._attributes = attributes
        self._clock = clock

    async def __call__(self, who: str, unverified_claims: Mapping[str, object], *, operator: str) -> Account:
        """Writes claims of a user: all of them or none.

        Raises:
            InvalidRequest: USER_UNKNOWN, USER_AMBIGUOUS, CLAIM_UNKNOWN, CLAIM_READ_ONLY.
            RefusedClaim: a value is invalid.
        """
        async with self._view() as view:
            user_id = (await find_user(view.accounts, who)).id
        async with self._work() as work:
            return await write_claims(
                work,
                user_id,
                unverified_claims,
                known=self._attributes,
                writer=ClaimWriter.OPERATOR,
                actor=events.operator(operator),
                clock=self._clock,
            )


async def write_claims(
    work: Writer,
    user_id: str,
    unverified_claims: Mapping[str, object],
    *,
    known: Attributes,
    writer: ClaimWriter,
    actor: Actor,
    clock: Clock,
) -> Account:
    """Return the resulting account. Without a difference, nothing is written and no event is emitted."""
    await work.accounts.lock(user_id)
    found = await work.accounts.with_credentials(user_id)
    if found is None or found[0].state is AccountState.DELETED:
        raise unknown_user()
    account, names = with_claims(found[0], unverified_claims, known=known, writer=writer, now=clock.now())
    if not names:
        return account
    await work.accounts.set_claims(account)
    work.emit(events.account_updated(user_id, names, actor=actor))
    if account.profile.email_verified and {"email", "email_verified"}.intersection(names):
        work.emit(events.address_verified(user_id, actor=actor))
    return account


def with_claims(
    account: Account,
    unverified_claims: Mapping[str, object],
    *,
    known: Attributes,
    writer: ClaimWriter,
    now: datetime,
) -> tuple[Account, Collection[str]]:
    """The account with these claims, and the names of those that are different now. Raises as UpdateUser."""
    custom, standard = _separated(unverified_claims, known)
    attributes, more = changed_attributes(account.attributes, custom, known=known, writer=writer)
    profile, names = changed(account.profile, standard, writer=writer, today=now.date())
    names = [*names, *more]
    return (account.with_claims(profile, attributes, now=now) if names else account), names


def new_claims(
    unverified_claims: Mapping[str, object], *, known: Attributes, today: date
) -> tuple[Profile, Mapping[str, object]]:
    """The standard claims and the attributes of a new account, as an operator gives them.

    Raises:
        InvalidRequest: CLAIM_UNKNOWN, CLAIM_MALFORMED.
    """
    custom, standard = _separated(unverified_claims, known)
    profile = parse_profile(standard, today=today)
    attributes, _ = changed_attributes({}, custom, known=known, writer=ClaimWriter.OPERATOR)
    return profile, attributes


def _separated(
    unverified_claims: Mapping[str, object], known: Attributes
) -> tuple[dict[str, object], dict[str, object]]:
    """Attributes, and all other claims."""
    custom = {name: value for name, value in unverified_claims.items() if name in known.by_name}
    return custom, {name: value for name, value in unverified_claims.items() if name not in custom}
