"""Sign-in with a passkey alone, if the authenticator has verified the user."""

from libs.crypto.errors import PasskeyRefused
from libs.crypto.hashing import secret_hash
from libs.crypto.passkeys import UnverifiedResponse, read_response
from libs.crypto.strict import base64url
from libs.oauth.errors import OAuthError, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.authentication import events
from services.authentication.domain.accounts.usernames import stand_in
from services.authentication.domain.factors.challenges import ChallengePurpose
from services.authentication.domain.factors.factor import wrong_proof
from services.authentication.domain.factors.passkeys import Passkey
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sign_in.throttle import Keys, seconds_to_wait
from services.authentication.events import LoginFailure
from services.authentication.ports.work import Begin, Writer
from services.authentication.usecases.factors.passkey_ceremonies import Ceremonies
from services.authentication.usecases.sessions.start_session import SignedIn, StartSession


class StartPasskeySignIn:
    """No name is asked for and nothing is looked up, so nothing tells who has a passkey here."""

    def __init__(self, *, ceremonies: Ceremonies) -> None:
        self._ceremonies = ceremonies

    def __call__(self, browser: str) -> str:
        """The passkey request options; empty where there are no passkeys. `browser`: binds the challenge."""
        return self._ceremonies.to_show(ChallengePurpose.SIGN_IN, bound_to=browser)


class SignInWithPasskey:
    def __init__(
        self, *, work: Begin, ceremonies: Ceremonies, start: StartSession, clock: Clock, stand_in_key: bytes
    ) -> None:
        self._work = work
        self._ceremonies = ceremonies
        self._start = start
        self._clock = clock
        self._stand_in_key = stand_in_key

    async def __call__(self, answer: str, *, browser: str, session_secret: str, origin: Origin) -> SignedIn:
        """Starts a session of the higher class, and ends the one that the browser had.

        Raises:
            AccessDenied: WRONG_PROOF, whatever the cause.
            TemporarilyUnavailable: SIGN_IN_THROTTLED.
        """
        try:
            response = read_response(answer)
        except PasskeyRefused:
            raise wrong_proof() from None
        old = secret_hash(session_secret) if session_secret else None
        async with self._work() as work:
            outcome = await self._judge(work, response, browser=browser, replaces=old, origin=origin)
        if isinstance(outcome, OAuthError):  # after the commit, so that the failure stays counted
            raise outcome
        return outcome

    async def _judge(
        self, work: Writer, response: UnverifiedResponse, *, browser: str, replaces: bytes | None, origin: Origin
    ) -> SignedIn | OAuthError:
        found = await work.passkeys.find(response.credential_id)
        name = found[1] if found else ""
        keys = Keys.of(username_key=name, place=origin.ip_prefix, key=self._stand_in_key)
        seconds = seconds_to_wait(keys, await work.failures.under(tuple(keys)), under_way=0, now=self._clock.now())
        if seconds:
            return TemporarilyUnavailable(
                "Too many failed sign-in attempts: try again later.",
                reason=Reason.SIGN_IN_THROTTLED,
                retry_after=seconds,
            )
        passkey = await self._proved(work, found[0] if found else None, response, browser)
        if passkey is None:
            await work.failures.count(tuple(keys), now=self._clock.now())
            self._emit_failure(work, found[0] if found else None, response, origin)
            return wrong_proof()
        await work.failures.forgive(keys.name)
        return await self._start(work, passkey.user_id, replaces=replaces, amr=passkey.amr, origin=origin)

    async def _proved(
        self, work: Writer, unlocked: Passkey | None, response: UnverifiedResponse, browser: str
    ) -> Passkey | None:
        """The passkey, if it holds and its owner may sign in. From here on the owner is locked."""
        current = await work.accounts.lock(unlocked.user_id) if unlocked else None
        found = await work.passkeys.find(response.credential_id)  # once more: it may have been removed meanwhile
        if current is None or not current.active or found is None or found[0].user_id != current.user_id:
            return None
        try:
            await self._ceremonies.shown(
                work,
                response,
                found[0],
                purpose=ChallengePurpose.SIGN_IN,
                bound_to=browser,
                user_verification=True,
            )
        except PasskeyRefused:
            return None
        return found[0]

    def _emit_failure(
        self, work: Writer, passkey: Passkey | None, response: UnverifiedResponse, origin: Origin
    ) -> None:
        unknown = stand_in(base64url(response.credential_id), key=self._stand_in_key)
        work.emit(
            events.login_failed(
                user_id=passkey.user_id if passkey else "",
                subject=passkey.user_id if passkey else unknown,
                reason=LoginFailure.WRONG_CREDENTIALS,
                origin=origin,
            )
        )
