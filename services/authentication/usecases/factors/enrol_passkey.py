"""A user adds a passkey."""

from libs.crypto.errors import PasskeyRefused
from libs.crypto.hashing import secret_hash
from libs.crypto.passkeys import NewPasskey, read_response
from libs.crypto.random import uuid7
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication.domain.factors.factor import (
    MAX_PER_KIND,
    Factor,
    FactorKind,
    check_name,
    too_many,
    wrong_proof,
)
from services.authentication.domain.factors.passkeys import Passkey
from services.authentication.domain.sessions.origin import Origin
from services.authentication.ports.work import Begin, View, Writer
from services.authentication.usecases.factors.notify_factor_change import tell_added
from services.authentication.usecases.factors.passkey_ceremonies import Ceremonies
from services.authentication.usecases.sessions.own_sessions import RequireSession
from services.authentication.usecases.sessions.start_session import SignedIn, StartSession


class StartPasskey:
    def __init__(self, *, view: View, require_session: RequireSession, ceremonies: Ceremonies) -> None:
        self._view = view
        self._require_session = require_session
        self._ceremonies = ceremonies

    async def __call__(self, session_secret: str) -> str:
        """What the browser is asked to make; empty where there are no passkeys.

        Raises:
            AccessDenied: SESSION_MISSING, REAUTHENTICATION_REQUIRED.
        """
        async with self._view() as view:
            live = await self._require_session.recently(view, session_secret)
            known = await view.passkeys.of(live.account.id)
        return self._ceremonies.to_enrol(live.account, known, bound_to=live.session.id)


class AddPasskey:
    def __init__(
        self,
        *,
        work: Begin,
        require_session: RequireSession,
        start: StartSession,
        ceremonies: Ceremonies,
        clock: Clock,
    ) -> None:
        self._work = work
        self._require_session = require_session
        self._start = start
        self._ceremonies = ceremonies
        self._clock = clock

    async def __call__(self, session_secret: str, answer: str, *, name: str, origin: Origin) -> SignedIn:
        """The session under a new secret: what it may do has grown.

        Raises:
            AccessDenied: SESSION_MISSING, REAUTHENTICATION_REQUIRED; WRONG_PROOF: the passkey response is invalid.
            InvalidRequest: FACTORS_TOO_MANY, FACTOR_NAME, PASSKEY_TAKEN.
        """
        now = self._clock.now()
        async with self._work() as work:
            live = await self._require_session.locked(work, session_secret)
            user_id = live.account.id
            try:
                made = await self._ceremonies.enrolled(work, read_response(answer), bound_to=live.session.id)
            except PasskeyRefused:
                raise wrong_proof() from None
            factor = Factor(
                id=uuid7(now),
                kind=FactorKind.PASSKEY,
                name=check_name(name, otherwise=""),
                created_at=now,
                last_used_at=None,
            )
            passkey = await self._add(work, user_id, factor, made)
            await tell_added(work, user_id, factor, now=now)
            stepped_up = await self._start.step_up(
                work, live.session, session_hash=secret_hash(session_secret), more=passkey.amr, origin=origin
            )
            if stepped_up is None:  # it ended at this moment
                raise wrong_proof()
        return stepped_up

    async def _add(self, work: Writer, user_id: str, factor: Factor, made: NewPasskey) -> Passkey:
        if len(await work.passkeys.of(user_id)) >= MAX_PER_KIND:
            raise too_many()
        passkey = Passkey(
            factor_id=factor.id,
            user_id=user_id,
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            backup_eligible=made.backup_eligible,
            backed_up=made.backed_up,
            transports=made.transports,
        )
        await work.factors.add(factor, user_id=user_id)
        if not await work.passkeys.add(passkey):
            raise InvalidRequest("The passkey is already registered.", reason=Reason.PASSKEY_TAKEN, redirectable=False)
        return passkey
