"""The state machine of device codes: permitted and refused transitions in each state."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libs.oauth.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidGrant,
    InvalidRequest,
    OAuthError,
)
from services.device.domain.device_codes import Approval, DeviceCode, State

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
END = NOON + timedelta(minutes=10)
MOMENT = timedelta(microseconds=1)
ALICE = Approval("alice-id", "alice-session", b"attested")
PENDING = DeviceCode(
    id="id",
    client_id="c_tv",
    client_name="Television",
    scopes=("openid",),
    requested_from="192.0.2.0/24",
    interval=timedelta(seconds=5),
    created_at=NOON,
    expires_at=END,
)
APPROVED = PENDING.approve(ALICE, now=NOON)
DENIED = PENDING.deny(now=NOON)
REDEEMED = APPROVED.redeem("c_tv", now=NOON)
EXPIRED = replace(PENDING, state=State.EXPIRED)
FORGOTTEN = replace(APPROVED, state=State.EXPIRED)

POLLS = [
    (PENDING, "c_tv", NOON, AuthorizationPending),
    (PENDING, "c_tv", END - MOMENT, AuthorizationPending),
    (PENDING, "c_tv", END, ExpiredToken),
    (APPROVED, "c_tv", END, ExpiredToken),
    (DENIED, "c_tv", NOON, AccessDenied),
    (DENIED, "c_tv", END, AccessDenied),
    (REDEEMED, "c_tv", NOON, InvalidGrant),
    (REDEEMED, "c_tv", END, InvalidGrant),
    (EXPIRED, "c_tv", NOON, ExpiredToken),
    (FORGOTTEN, "c_tv", NOON, ExpiredToken),
    (PENDING, "c_other", NOON, InvalidGrant),
    (APPROVED, "c_other", NOON, InvalidGrant),
    (DENIED, "c_other", NOON, InvalidGrant),
    (EXPIRED, "c_other", END, InvalidGrant),
    (PENDING, "", NOON, InvalidGrant),
]


@pytest.mark.s(34)
@pytest.mark.parametrize(("code", "client_id", "now", "error"), POLLS)
def test_collect_and_redeem_raise_the_error_of_each_state(
    code: DeviceCode, client_id: str, now: datetime, error: type[OAuthError]
) -> None:
    for ask in (code.collect, code.redeem):
        with pytest.raises(error) as refusal:
            ask(client_id, now=now)
        assert type(refusal.value) is error


def test_approval_can_be_collected_until_the_code_expires() -> None:
    assert APPROVED.collect("c_tv", now=END - MOMENT) == ALICE
    assert (APPROVED.state, APPROVED.decided_at, REDEEMED.state) == (State.APPROVED, NOON, State.REDEEMED)


_DECISIONS: list[Callable[[DeviceCode, datetime], DeviceCode]] = [
    lambda code, now: code.approve(ALICE, now=now),
    lambda code, now: code.deny(now=now),
]


@pytest.mark.s(34)
@pytest.mark.parametrize("decide", _DECISIONS, ids=["approve", "deny"])
@pytest.mark.parametrize("code", [APPROVED, DENIED, REDEEMED, EXPIRED, FORGOTTEN], ids=lambda code: code.state.value)
def test_decided_or_expired_code_cannot_be_decided(
    code: DeviceCode, decide: Callable[[DeviceCode, datetime], DeviceCode]
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        decide(code, NOON)
    assert refusal.value.reason == "USER_CODE_UNKNOWN"


@pytest.mark.parametrize("decide", _DECISIONS, ids=["approve", "deny"])
def test_code_cannot_be_decided_after_it_expires(decide: Callable[[DeviceCode, datetime], DeviceCode]) -> None:
    decide(PENDING, END - MOMENT)
    with pytest.raises(InvalidRequest):
        decide(PENDING, END)


@pytest.mark.parametrize(
    ("seconds", "too_early"), [(0, True), (1, True), (4.4, True), (4.5, False), (5, False), (3600, False)]
)
def test_poll_is_too_early_before_nine_tenths_of_the_interval(seconds: float, *, too_early: bool) -> None:
    assert PENDING.is_too_early(NOON, now=NOON + timedelta(seconds=seconds)) is too_early


def test_first_poll_is_never_too_early() -> None:
    assert not PENDING.is_too_early(None, now=NOON)


def test_slowed_down_adds_five_seconds_up_to_one_minute() -> None:
    code, seen = PENDING, []
    for _ in range(13):
        seen.append(code.interval.total_seconds())
        code = code.slowed_down(now=NOON)
    assert seen == [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 60]
    assert code.last_polled_at == NOON


@pytest.mark.s(60)
def test_repr_contains_no_attested_session() -> None:
    assert "attested" not in repr(APPROVED).replace("attested_session", "")
