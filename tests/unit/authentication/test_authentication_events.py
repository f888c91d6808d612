import pytest

from latchkey.events.v1 import events_pb2
from services.authentication import events
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import EndedSession, EndReason


@pytest.mark.parametrize("reason", EndReason)
def test_every_session_end_reason_has_an_event_reason(reason: EndReason) -> None:
    [event] = events.sessions_ended([EndedSession("session", "user")], reason, actor=events.SYSTEM)
    assert isinstance(event.data, events_pb2.SessionEnded)
    assert events_pb2.Reason.Name(event.data.reason) == f"REASON_{reason.name}"
    assert event.subject == "user"


def test_this_service_tells_nothing_but_its_own_events() -> None:
    failed = events.login_failed(user_id="", subject="unknown-0000", origin=Origin())
    emitted = [
        failed,
        events.account_created("user", actor=events.operator("cli")),
        events.account_disabled("user", actor=events.operator("cli")),
        events.account_deleted("user", actor=events.user("user")),
        events.account_updated("user", ["name"], actor=events.user("user")),
        events.password_changed("user", actor=events.operator("cli")),
    ]
    producers = {event.data.DESCRIPTOR.GetOptions().Extensions[events_pb2.event].producer for event in emitted}
    assert producers == {"authentication"}
    assert failed.actor == events.user("")
