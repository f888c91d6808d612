import pytest

from latchkey.events.v1 import events_pb2
from services.authentication import events as facts
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import EndedSession, EndReason


@pytest.mark.parametrize("reason", EndReason)
def test_every_reason_to_end_a_session_can_be_told(reason: EndReason) -> None:
    [fact] = facts.sessions_ended([EndedSession("session", "user")], reason, actor=facts.SYSTEM)
    assert isinstance(fact.data, events_pb2.SessionEnded)
    assert events_pb2.Reason.Name(fact.data.reason) == f"REASON_{reason.name}"
    assert fact.subject == "user"


def test_this_service_tells_nothing_but_its_own_facts() -> None:
    failed = facts.login_failed(user_id="", subject="unknown-0000", origin=Origin())
    told = [
        failed,
        facts.account_created("user", actor=facts.operator("cli")),
        facts.account_disabled("user", actor=facts.operator("cli")),
        facts.account_deleted("user", actor=facts.user("user")),
        facts.account_updated("user", ["name"], actor=facts.user("user")),
        facts.password_changed("user", actor=facts.operator("cli")),
    ]
    producers = {fact.data.DESCRIPTOR.GetOptions().Extensions[events_pb2.event].producer for fact in told}
    assert producers == {"authentication"}
    assert failed.actor == facts.user("")
