"""An operator brings a user along from another system, with the hash of their password there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from libs.crypto.imported_hashes import FORMATS
from libs.crypto.passwords import is_importable_hash
from libs.crypto.random import uuid7
from libs.oauth.attributes import Attributes
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.account import Account, AccountState
from services.authentication.domain.accounts.claim_policy import ClaimWriter
from services.authentication.domain.accounts.usernames import check_username
from services.authentication.domain.ids import is_user_id
from services.authentication.ports.accounts import AccountReader, AccountWriter
from services.authentication.ports.work import Begin, View, Writer
from services.authentication.usecases.accounts.profile import new_claims, with_claims, write_claims


@dataclass(frozen=True)
class ImportedUser:
    """A request of an operator; not validated."""

    username: str
    password_hash: str = field(repr=False)
    claims: Mapping[str, object] = field(default_factory=dict, repr=False)
    dry_run: bool = False
    user_id: str = ""
    """The `sub` to keep; empty: the server chooses it."""
    update: bool = False
    """Write the claims of a user who exists."""


class ImportOutcome(Enum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Imported:
    account: Account
    outcome: ImportOutcome


class ImportUser:
    def __init__(self, *, view: View, work: Begin, attributes: Attributes, clock: Clock) -> None:
        self._view = view
        self._work = work
        self._attributes = attributes
        self._clock = clock

    async def __call__(self, unverified: ImportedUser, *, operator: str) -> Imported:
        """Creates an account, or with `update` writes the claims of the one that exists and keeps its password.

        An imported hash is replaced by argon2id at the first sign-in.

        Raises:
            InvalidRequest: USERNAME_TAKEN, USER_ID_TAKEN, USER_ID_MALFORMED, ADDRESS_TAKEN, HASH_UNKNOWN, or an
                invalid name or claim.
        """
        now = self._clock.now()
        account, username_key = self._account(unverified, now=now)
        if unverified.dry_run:
            async with self._view() as view:
                present = await _present(view.accounts, unverified, username_key)
            return self._would_update(present, unverified, now=now) if present else _created(account)
        async with self._work() as work:
            present = await _present(work.accounts, unverified, username_key)
            if present:
                return await self._update(work, present, unverified, operator=operator)
            added = await work.accounts.add(account, username_key=username_key, password_hash=unverified.password_hash)
            if not added:
                raise _name_taken()
            work.emit(events.account_created(account.id, actor=events.operator(operator)))
            if account.profile.email_verified:
                work.emit(events.address_verified(account.id, actor=events.operator(operator)))
        return _created(account)

    def _account(self, unverified: ImportedUser, *, now: datetime) -> tuple[Account, str]:
        """The account that the request describes, and what its name is found by."""
        username, username_key = check_username(unverified.username)
        if unverified.user_id and not is_user_id(unverified.user_id):
            raise InvalidRequest(
                "id must have 1 to 36 visible ASCII characters and no spaces.", reason=Reason.USER_ID_MALFORMED
            )
        if not is_importable_hash(unverified.password_hash):
            raise InvalidRequest(
                f"password_hash has an unsupported format or cost. Supported: {FORMATS}", reason=Reason.HASH_UNKNOWN
            )
        profile, attributes = new_claims(unverified.claims, known=self._attributes, today=now.date())
        account = Account(
            id=unverified.user_id or uuid7(now),
            username=username,
            state=AccountState.ACTIVE,
            profile=profile,
            attributes=attributes,
            created_at=now,
            profile_updated_at=now,
        )
        return account, username_key

    def _would_update(self, present: Account, unverified: ImportedUser, *, now: datetime) -> Imported:
        after, names = with_claims(
            present, unverified.claims, known=self._attributes, writer=ClaimWriter.OPERATOR, now=now
        )
        return Imported(after, ImportOutcome.UPDATED if names else ImportOutcome.UNCHANGED)

    async def _update(self, work: Writer, present: Account, unverified: ImportedUser, *, operator: str) -> Imported:
        after = await write_claims(
            work,
            present.id,
            unverified.claims,
            known=self._attributes,
            writer=ClaimWriter.OPERATOR,
            actor=events.operator(operator),
            clock=self._clock,
        )
        changed = after.stored_claims() != present.stored_claims()
        return Imported(after, ImportOutcome.UPDATED if changed else ImportOutcome.UNCHANGED)


async def _present(
    accounts: AccountReader | AccountWriter, unverified: ImportedUser, username_key: str
) -> Account | None:
    """The user who exists, to be updated; None if there is none.

    Raises:
        InvalidRequest: USERNAME_TAKEN, USER_ID_TAKEN, unless this user is to be updated.
    """
    user_id = unverified.user_id or None
    found = await accounts.matching(user_id=user_id, username_key=username_key, address_key=None)
    named = next((each for each in found if each.id != user_id), None)
    present = next((each for each in found if each.id == user_id), named)
    if user_id and (present is None or (present is not named and not unverified.update)):
        # Ids of deleted users are taken as well.
        known = await accounts.with_credentials(user_id)
        if known is not None:
            raise InvalidRequest("id is already in use by another user.", reason=Reason.USER_ID_TAKEN)
    if named is not None and (user_id or not unverified.update):
        raise _name_taken()
    if present is not None and check_username(present.username)[1] != username_key:
        raise InvalidRequest("id is already in use by a user with another username.", reason=Reason.USER_ID_TAKEN)
    return present


def _created(account: Account) -> Imported:
    return Imported(account, ImportOutcome.CREATED)


def _name_taken() -> InvalidRequest:
    return InvalidRequest("username is already in use.", reason=Reason.USERNAME_TAKEN)
