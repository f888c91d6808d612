"""A replica's view of the keys: switched by the clock, refused when stale, never broken by a bad answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from latchkey.events.v1 import events_pb2
from latchkey.keys.v1 import keys_pb2
from libs.crypto.errors import InvalidKey, SealBroken
from libs.crypto.jwt import SigningKey
from libs.crypto.sealing import delivery_binding, seal_to
from libs.oauth.errors import OAuthError, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.events.event import Actor, Event, envelope
from services.token.adapters import signing_keys
from services.token.adapters.signing_keys import KeyView
from tests.unit.token.parts import ISSUER, NOON, SECOND, Clock, signing_key

MAX_AGE = timedelta(minutes=7)
LIFE = timedelta(hours=3)
FIRST, SECOND_KEY, THIRD = (signing_key("ES256", number) for number in range(3))


@dataclass
class KeyRotation:
    """The SigningKeyService as it answers: each key sealed to the key in the request."""

    keys: list[tuple[SigningKey, datetime | None]]
    published: Sequence[SigningKey] | None = None
    away: bool = False
    issuer: str = ISSUER
    asked_with: list[bytes] = field(default_factory=list)
    active: Sequence[SigningKey] = ()
    spoil: Any = None
    sealed: int = 0
    """How many private keys went out."""
    asked_for: list[timedelta] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def GetSigningKeys(  # noqa: N802 - the contract's name
        self, request: keys_pb2.GetSigningKeysRequest
    ) -> keys_pb2.GetSigningKeysResponse:
        self.asked_with.append(request.recipient_public_key)
        self.asked_for.append(request.verifiable_for.ToTimedelta())
        self.answered.set()
        if self.away:
            raise TemporarilyUnavailable(reason=Reason.KEY_ROTATION_UNREACHABLE)
        response = keys_pb2.GetSigningKeysResponse(
            signing_keys=[self._sealed(key, moment, request) for key, moment in self.keys],
            verification_keys=[
                keys_pb2.VerificationKey(
                    kid=key.kid, alg=key.alg, jwk=json.dumps(key.public_jwk()), state=self._state(key)
                )
                for key in (self.published if self.published is not None else [key for key, _ in self.keys])
            ],
        )
        response.valid_for.FromTimedelta(MAX_AGE)
        if self.spoil is not None:
            self.spoil(response)
        return response

    def _state(self, key: SigningKey) -> keys_pb2.KeyState.ValueType:
        return keys_pb2.KEY_STATE_ACTIVE if key in self.active else keys_pb2.KEY_STATE_NEXT

    def _sealed(
        self, key: SigningKey, moment: datetime | None, request: keys_pb2.GetSigningKeysRequest
    ) -> keys_pb2.SealedSigningKey:
        binding = delivery_binding(issuer=self.issuer, kid=key.kid, alg=key.alg)
        sealed = keys_pb2.SealedSigningKey(
            kid=key.kid,
            alg=key.alg,
            sealed=b""
            if key.kid in request.held_kids
            else seal_to(request.recipient_public_key, key.to_pkcs8(), bound_to=binding),
        )
        self.sealed += bool(sealed.sealed)
        if moment is not None:
            sealed.activates_at.FromDatetime(moment)
        return sealed


def _view(service: KeyRotation, clock: Clock) -> KeyView:
    return KeyView(cast(Any, service), issuer=ISSUER, verifiable_for=LIFE, clock=clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service() -> KeyRotation:
    """One key that signs, and one that will from a quarter past."""
    return KeyRotation([(SECOND_KEY, NOON + timedelta(minutes=15)), (FIRST, NOON - timedelta(days=1))])


@pytest.fixture
async def view(service: KeyRotation, clock: Clock) -> KeyView:
    view = _view(service, clock)
    await view.refresh()
    return view


def _signer(view: KeyView, clock: Clock, alg: str = "ES256") -> str:
    """The kid that signs now, or why there is none."""
    try:
        return view.signer(alg, now=clock.now()).kid
    except TemporarilyUnavailable as refusal:
        return refusal.reason


async def test_the_next_key_signs_from_its_moment_without_another_look(service: KeyRotation, clock: Clock) -> None:
    service.keys = [(SECOND_KEY, NOON + 3 * SECOND), (FIRST, NOON - SECOND), (THIRD, None)]
    view = _view(service, clock)
    await view.refresh()
    assert _signer(view, clock) == FIRST.kid
    clock.move(3 * SECOND - timedelta(microseconds=1))
    assert _signer(view, clock) == FIRST.kid
    clock.move(timedelta(microseconds=1))
    assert _signer(view, clock) == SECOND_KEY.kid
    assert len(service.asked_with) == 1


async def test_a_key_without_a_moment_never_signs(service: KeyRotation, clock: Clock) -> None:
    service.keys = [(THIRD, None)]
    view = _view(service, clock)
    await view.refresh()
    assert _signer(view, clock) == "KEY_MISSING"
    assert view.verification.find(THIRD.kid) is not None


@pytest.mark.s(66)
async def test_before_the_first_view_nothing_is_signed_and_nothing_called_wrong(
    service: KeyRotation, clock: Clock
) -> None:
    view = _view(service, clock)
    assert _signer(view, clock) == "KEY_VIEW_STALE"
    with pytest.raises(TemporarilyUnavailable):
        _ = view.verification
    check = await view.check()
    assert (check.ok, check.required, check.detail) == (False, True, "not fetched yet")


@pytest.mark.s(66)
async def test_key_view_is_used_until_too_old_while_key_rotation_is_unavailable(
    view: KeyView, service: KeyRotation, clock: Clock
) -> None:
    service.away = True
    with pytest.raises(OAuthError):
        await view.refresh()
    clock.move(MAX_AGE)
    assert _signer(view, clock) == FIRST.kid
    assert (await view.check()).ok
    clock.move(SECOND)
    assert _signer(view, clock) == "KEY_VIEW_STALE"
    check = await view.check()
    assert (check.ok, check.detail) == (False, "421 s old")
    assert view.verification.find(FIRST.kid) is not None
    service.away = False
    await view.refresh()
    assert _signer(view, clock) == FIRST.kid
    assert (await view.check()).ok


async def test_an_algorithm_without_a_key_signs_nothing(view: KeyView, clock: Clock) -> None:
    assert _signer(view, clock, "RS256") == "KEY_MISSING"
    assert _signer(view, clock, "none") == "KEY_MISSING"


async def test_a_withdrawn_key_neither_signs_nor_verifies_after_the_next_look(
    view: KeyView, service: KeyRotation, clock: Clock
) -> None:
    service.keys = [(THIRD, NOON - SECOND)]
    await view.refresh()
    assert _signer(view, clock) == THIRD.kid
    assert view.verification.find(FIRST.kid) is None


async def test_a_retiring_key_still_verifies(view: KeyView, service: KeyRotation, clock: Clock) -> None:
    service.keys, service.published = [(SECOND_KEY, NOON - SECOND)], [FIRST, SECOND_KEY]
    await view.refresh()
    assert _signer(view, clock) == SECOND_KEY.kid
    assert view.verification.find(FIRST.kid) is not None


async def test_every_look_is_sealed_to_a_key_of_its_own(view: KeyView, service: KeyRotation) -> None:
    await view.refresh()
    assert len(set(service.asked_with)) == 2


async def test_a_private_key_is_sent_once(view: KeyView, service: KeyRotation, clock: Clock) -> None:
    service.keys.append((THIRD, NOON + timedelta(minutes=30)))
    await view.refresh()
    await view.refresh()
    assert service.sealed == 3
    for moment, key in ((0, FIRST), (16, SECOND_KEY), (15, THIRD)):
        clock.move(timedelta(minutes=moment))
        await view.refresh()
        assert _signer(view, clock) == key.kid


async def test_a_key_that_is_revoked_while_others_are_fetched_does_not_stop_them(
    view: KeyView, service: KeyRotation, clock: Clock
) -> None:
    """The answer was made before, and lacks what was held then."""

    def revoked_meanwhile(_: keys_pb2.GetSigningKeysResponse) -> None:
        with suppress(StopIteration):
            view.on_event(_event("key.revoked", FIRST)).send(None)

    service.spoil = revoked_meanwhile
    await view.refresh()
    clock.move(timedelta(minutes=15))
    await view.refresh()
    assert _signer(view, clock) == SECOND_KEY.kid


async def test_a_key_is_parsed_once(view: KeyView, service: KeyRotation, clock: Clock) -> None:
    before = view.signer("ES256", now=clock.now())
    await view.refresh()
    assert view.signer("ES256", now=clock.now()) is before


def _sealed_to_another(response: keys_pb2.GetSigningKeysResponse) -> None:
    for sealed in response.signing_keys:
        sealed.kid += "x"


def _not_a_key(response: keys_pb2.GetSigningKeysResponse) -> None:
    response.verification_keys[0].jwk = "{}"


def _not_json(response: keys_pb2.GetSigningKeysResponse) -> None:
    response.verification_keys[0].jwk = "nonsense"


def _twice(response: keys_pb2.GetSigningKeysResponse) -> None:
    response.verification_keys.append(response.verification_keys[0])


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (_sealed_to_another, SealBroken),
        (_not_a_key, InvalidKey),
        (_not_json, json.JSONDecodeError),
        (_twice, InvalidKey),
    ],
)
async def test_an_answer_that_cannot_be_used_changes_nothing(
    view: KeyView, service: KeyRotation, clock: Clock, spoil: Any, error: type[Exception]
) -> None:
    service.spoil = spoil
    service.keys = [(THIRD, NOON - SECOND)]
    clock.move(SECOND)
    with pytest.raises(error):
        await view.refresh()
    assert _signer(view, clock) == FIRST.kid
    assert view.verification.find(THIRD.kid) is None
    clock.move(MAX_AGE)
    assert _signer(view, clock) == "KEY_VIEW_STALE"


async def test_a_key_for_another_issuer_is_not_opened(service: KeyRotation, clock: Clock) -> None:
    service.issuer = "https://other.example"
    with pytest.raises(SealBroken):
        await _view(service, clock).refresh()


def _event(name: str, key: SigningKey) -> bytes:
    message = events_pb2.KeyRevoked if name == "key.revoked" else events_pb2.KeyActivated
    event = Event(message(kid=key.kid, alg=key.alg), key.kid, Actor("system"))
    return envelope(event, event_id="1", issuer=ISSUER, time=NOON, sequence=1, traceparent="").encode()


async def test_an_active_key_signs_though_our_clock_is_behind(service: KeyRotation, clock: Clock) -> None:
    service.keys = [(SECOND_KEY, NOON + 3 * SECOND), (FIRST, NOON + 4 * MAX_AGE)]
    service.active = [SECOND_KEY]
    view = _view(service, clock)
    await view.refresh()
    assert _signer(view, clock) == SECOND_KEY.kid


async def test_key_request_contains_the_maximum_token_lifetime(view: KeyView, service: KeyRotation) -> None:
    assert service.asked_for == [LIFE]


async def test_a_view_lasts_as_long_as_key_rotation_says(service: KeyRotation, clock: Clock) -> None:
    service.spoil = lambda response: response.valid_for.FromTimedelta(2 * SECOND)
    view = _view(service, clock)
    await view.refresh()
    clock.move(2 * SECOND)
    assert _signer(view, clock) == FIRST.kid
    clock.move(SECOND)
    assert _signer(view, clock) == "KEY_VIEW_STALE"


async def test_a_view_from_key_rotation_of_older_code_lasts_five_minutes(service: KeyRotation, clock: Clock) -> None:
    service.spoil = lambda response: response.ClearField("valid_for")
    view = _view(service, clock)
    await view.refresh()
    clock.move(timedelta(minutes=5))
    assert _signer(view, clock) == FIRST.kid
    clock.move(SECOND)
    assert _signer(view, clock) == "KEY_VIEW_STALE"


@pytest.mark.s(64)
async def test_a_view_from_the_future_signs_nothing(view: KeyView, clock: Clock) -> None:
    clock.move(-MAX_AGE)
    assert _signer(view, clock) == FIRST.kid
    clock.move(-SECOND)
    assert _signer(view, clock) == "KEY_VIEW_STALE"
    assert not (await view.check()).ok


@pytest.mark.s(70)
async def test_key_revocation_event_removes_key_at_once_while_key_rotation_is_unavailable(
    view: KeyView, service: KeyRotation, clock: Clock
) -> None:
    service.away = True
    await view.on_event(_event("key.revoked", FIRST))
    assert view.verification.find(FIRST.kid) is None
    assert view.verification.find(SECOND_KEY.kid) is not None
    assert _signer(view, clock) == "KEY_MISSING"
    service.away = False
    await view.refresh()  # with an answer from before the revocation, which was on its way
    assert view.verification.find(FIRST.kid) is None
    assert _signer(view, clock) == "KEY_MISSING"


async def test_a_kid_that_we_do_not_publish_is_counted_and_fetches_nothing(view: KeyView, service: KeyRotation) -> None:
    before = signing_keys.UNKNOWN_KID._value.get()
    for kid in range(100):
        assert view.verification.find(f"k{kid}") is None
    assert view.verification.find(FIRST.kid) is not None
    assert signing_keys.UNKNOWN_KID._value.get() == before + 100
    assert len(service.asked_with) == 1


@asynccontextmanager
async def _running(view: KeyView) -> AsyncIterator[None]:
    task = asyncio.create_task(view.run())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("trouble", ["away", "broken"])
async def test_the_task_outlives_trouble_and_tries_again(
    service: KeyRotation, clock: Clock, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_keys, "RETRY_SECONDS", 0.001)
    view = _view(service, clock)
    service.away, service.spoil = trouble == "away", _not_json if trouble == "broken" else None
    async with _running(view):
        await service.answered.wait()
        assert _signer(view, clock) == "KEY_VIEW_STALE"
        service.away, service.spoil = False, None
        while not (await view.check()).ok:
            service.answered.clear()
            await service.answered.wait()
            await asyncio.sleep(0)
        assert _signer(view, clock) == FIRST.kid


async def test_a_event_about_a_key_makes_it_look_at_once(service: KeyRotation, clock: Clock) -> None:
    view = _view(service, clock)
    async with _running(view):
        await service.answered.wait()
        service.answered.clear()
        service.keys = [(THIRD, NOON - SECOND)]
        await view.on_event(_event("key.activated", THIRD))
        await service.answered.wait()
        await asyncio.sleep(0)
        assert _signer(view, clock) == THIRD.kid
