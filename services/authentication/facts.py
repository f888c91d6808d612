"""What this service tells subscribers (protos/latchkey/events/v1): one function for each fact."""

from collections.abc import Iterable

from latchkey.events.v1 import events_pb2
from libs.servicekit.facts import Actor, Fact
from services.authentication.domain.origin import Origin
from services.authentication.domain.sessions import EndedSession, EndReason, Session

SYSTEM = Actor("system")
_NOBODY_YET = Actor("user")
"""Somebody in front of a browser who has not proved who they are."""

_END_REASONS = {
    EndReason.SIGNED_OUT: events_pb2.REASON_SIGNED_OUT,
    EndReason.REPLACED: events_pb2.REASON_REPLACED,
    EndReason.PASSWORD_CHANGED: events_pb2.REASON_PASSWORD_CHANGED,
    EndReason.ACCOUNT_DISABLED: events_pb2.REASON_ACCOUNT_DISABLED,
    EndReason.EXPIRED: events_pb2.REASON_EXPIRED,
}


def user(user_id: str) -> Actor:
    return Actor("user", user_id)


def operator(identity: str) -> Actor:
    """Whoever called an admin RPC, by the identity in their certificate."""
    return Actor("admin", identity)


def signed_in(session: Session, *, origin: Origin) -> tuple[Fact, Fact]:
    """login.succeeded and session.created."""
    login = events_pb2.LoginSucceeded(
        user_id=session.user_id,
        session_id=session.id,
        client_id=origin.client_id,
        amr=session.amr,
        acr=session.acr,
        ip_prefix=origin.ip_prefix,
    )
    created = events_pb2.SessionCreated(user_id=session.user_id, session_id=session.id, ip_prefix=origin.ip_prefix)
    actor = user(session.user_id)
    return (
        Fact(login, session.user_id, actor, correlation_id=origin.correlation_id),
        Fact(created, session.user_id, actor, correlation_id=origin.correlation_id),
    )


def login_failed(*, user_id: str, subject: str, disabled: bool, origin: Origin) -> Fact:
    """`user_id` is empty, and `subject` a stand-in, when nobody has the name."""
    reason = events_pb2.REASON_ACCOUNT_DISABLED if disabled else events_pb2.REASON_WRONG_CREDENTIALS
    failed = events_pb2.LoginFailed(
        user_id=user_id, client_id=origin.client_id, ip_prefix=origin.ip_prefix, reason=reason
    )
    return Fact(failed, subject, _NOBODY_YET, outcome="failure", correlation_id=origin.correlation_id)


def sessions_ended(
    ended: Iterable[EndedSession], reason: EndReason, *, actor: Actor, correlation_id: str = ""
) -> list[Fact]:
    """One session.ended for each."""
    return [
        Fact(
            events_pb2.SessionEnded(user_id=session.user_id, session_id=session.id, reason=_END_REASONS[reason]),
            session.user_id,
            actor,
            correlation_id=correlation_id,
        )
        for session in ended
    ]


def account_created(user_id: str, *, actor: Actor) -> Fact:
    return Fact(events_pb2.AccountCreated(user_id=user_id), user_id, actor)


def account_disabled(user_id: str, *, actor: Actor) -> Fact:
    return Fact(events_pb2.AccountDisabled(user_id=user_id), user_id, actor)


def password_changed(user_id: str, *, actor: Actor) -> Fact:
    return Fact(events_pb2.PasswordChanged(user_id=user_id), user_id, actor)


def password_reset_requested(user_id: str) -> Fact:
    """Whoever asked has proved nothing."""
    return Fact(events_pb2.PasswordResetRequested(user_id=user_id), user_id, _NOBODY_YET)
