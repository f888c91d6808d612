from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libs.oauth.errors import AccessDenied
from services.authentication.domain.sessions.session import Lifetimes, Session, require_recent_sign_in

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LIFETIMES = Lifetimes(idle=timedelta(hours=8), absolute=timedelta(days=14))


def a_session() -> Session:
    return Session.started("user", now=NOON, lifetimes=LIFETIMES)


@pytest.mark.parametrize(
    ("session", "at", "live"),
    [
        (a_session(), NOON, True),
        (a_session(), NOON + LIFETIMES.idle - SECOND, True),
        (a_session(), NOON + LIFETIMES.idle, False),
        (
            replace(a_session(), last_seen_at=NOON + LIFETIMES.absolute - SECOND),
            NOON + LIFETIMES.absolute - SECOND,
            True,
        ),
        (replace(a_session(), last_seen_at=NOON + LIFETIMES.absolute - SECOND), NOON + LIFETIMES.absolute, False),
        (replace(a_session(), ended_at=NOON), NOON, False),
    ],
)
def test_a_session_is_live_until_it_ends_expires_or_is_left_alone(
    *, session: Session, at: datetime, live: bool
) -> None:
    assert session.live(now=at, lifetimes=LIFETIMES) is live


def test_shorter_lifetimes_hold_for_sessions_that_have_begun() -> None:
    hour = Lifetimes(idle=timedelta(hours=1), absolute=timedelta(hours=2))
    assert not a_session().live(now=NOON + timedelta(hours=1), lifetimes=hour)


def test_a_use_is_worth_a_write_once_a_minute() -> None:
    assert not a_session().worth_touching(now=NOON + timedelta(seconds=59))
    assert a_session().worth_touching(now=NOON + timedelta(seconds=60))


@pytest.mark.s(49)
@pytest.mark.parametrize(
    ("after", "recent"), [(timedelta(), True), (timedelta(minutes=10), True), (timedelta(minutes=10, seconds=1), False)]
)
def test_a_sign_in_is_recent_for_ten_minutes(*, after: timedelta, recent: bool) -> None:
    session, now = a_session(), NOON + after
    assert session.is_recent(has_second_factor=False, now=now) is recent
    if recent:
        require_recent_sign_in(session, has_second_factor=False, now=now)
        return
    with pytest.raises(AccessDenied) as refusal:
        require_recent_sign_in(session, has_second_factor=False, now=now)
    assert refusal.value.reason == "REAUTHENTICATION_REQUIRED"


@pytest.mark.s(49)
def test_using_a_session_does_not_make_its_sign_in_recent() -> None:
    used = replace(a_session(), last_seen_at=NOON + timedelta(hours=1))
    assert not used.is_recent(has_second_factor=False, now=NOON + timedelta(hours=1))


@pytest.mark.s(49)
def test_who_has_a_second_factor_has_shown_it_when_the_sign_in_is_recent() -> None:
    with_both = Session.started("user", now=NOON, lifetimes=LIFETIMES, amr=("pwd", "otp", "mfa"))
    assert not a_session().is_recent(has_second_factor=True, now=NOON)
    assert with_both.is_recent(has_second_factor=True, now=NOON)
    assert not with_both.is_recent(has_second_factor=True, now=NOON + timedelta(hours=1))


@pytest.mark.s(38)
def test_no_two_sessions_have_the_same_id() -> None:
    assert len({a_session().id for _ in range(100)}) == 100
