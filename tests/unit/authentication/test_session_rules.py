from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.authentication.domain.sessions import Lifetimes, Session

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


@pytest.mark.s(38)
def test_no_two_sessions_have_the_same_id() -> None:
    assert len({a_session().id for _ in range(100)}) == 100
