"""An operator adds a user."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from libs.crypto.random import uuid7
from libs.oauth.attributes import Attributes
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.account import Account, AccountState
from services.authentication.domain.accounts.usernames import check_username
from services.authentication.ports.sign_in import PasswordHasher, PasswordPolicy
from services.authentication.ports.work import Begin
from services.authentication.usecases.accounts.profile import new_claims


@dataclass(frozen=True)
class NewUser:
    """What an operator asks for; nothing in it has been judged."""

    username: str
    password: str = field(repr=False)
    claims: Mapping[str, object] = field(default_factory=dict, repr=False)


class CreateUser:
    def __init__(
        self,
        *,
        work: Begin,
        passwords: PasswordHasher,
        policy: PasswordPolicy,
        attributes: Attributes,
        clock: Clock,
    ) -> None:
        self._work = work
        self._attributes = attributes
        self._policy = policy
        self._passwords = passwords
        self._clock = clock

    async def __call__(self, unverified: NewUser, *, operator: str) -> Account:
        """Creates an account with a new id.

        Raises:
            InvalidRequest: USERNAME_TAKEN, ADDRESS_TAKEN, or an invalid name, password or claim.
            TemporarilyUnavailable: too much waits to be hashed.
        """
        now = self._clock.now()
        username, username_key = check_username(unverified.username)
        profile, attributes = new_claims(unverified.claims, known=self._attributes, today=now.date())
        account = Account(
            id=uuid7(now),
            username=username,
            state=AccountState.ACTIVE,
            profile=profile,
            attributes=attributes,
            created_at=now,
            profile_updated_at=now,
        )
        accepted = await self._policy(unverified.password, about=account.words)
        password_hash = await self._passwords.hash(unverified.password)
        async with self._work() as work:
            if not await work.accounts.add(account, username_key=username_key, password_hash=password_hash):
                raise InvalidRequest("username is already in use.", reason=Reason.USERNAME_TAKEN)
            work.emit(events.account_created(account.id, actor=events.operator(operator)))
            if account.profile.email_verified:
                work.emit(events.address_verified(account.id, actor=events.operator(operator)))
            work.emit(*events.password_unchecked(account.id, accepted))
        return account
