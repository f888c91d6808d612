"""Events of this service (protos/latchkey/events/v1): one function for each event."""

from collections.abc import Iterable
from enum import Enum

from latchkey.events.v1 import events_pb2
from libs.servicekit.events.event import Actor, Event
from services.authentication.domain.factors.factor import Factor
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import EndedSession, EndReason, Session
from services.authentication.ports.sign_in import Accepted

SYSTEM = Actor("system")
_UNAUTHENTICATED = Actor("user")
"""A user who is not authenticated."""


class LoginFailure(Enum):
    """The reason of a failed sign-in."""

    WRONG_CREDENTIALS = events_pb2.REASON_WRONG_CREDENTIALS
    ACCOUNT_DISABLED = events_pb2.REASON_ACCOUNT_DISABLED
    WRONG_SECOND_FACTOR = events_pb2.REASON_WRONG_SECOND_FACTOR
    SECOND_FACTOR_REQUIRED = events_pb2.REASON_SECOND_FACTOR_REQUIRED


_END_REASONS = {
    EndReason.SIGNED_OUT: events_pb2.REASON_SIGNED_OUT,
    EndReason.REPLACED: events_pb2.REASON_REPLACED,
    EndReason.PASSWORD_CHANGED: events_pb2.REASON_PASSWORD_CHANGED,
    EndReason.ACCOUNT_DISABLED: events_pb2.REASON_ACCOUNT_DISABLED,
    EndReason.ACCOUNT_DELETED: events_pb2.REASON_ACCOUNT_DELETED,
    EndReason.EXPIRED: events_pb2.REASON_EXPIRED,
    EndReason.FACTORS_RESET: events_pb2.REASON_FACTORS_RESET,
    EndReason.REVOKED_BY_OPERATOR: events_pb2.REASON_REVOKED_BY_OPERATOR,
}


def user(user_id: str) -> Actor:
    return Actor("user", user_id)


def operator(identity: str) -> Actor:
    """The caller of an admin RPC, by the identity in its certificate."""
    return Actor("admin", identity)


def signed_in(session: Session, *, origin: Origin) -> tuple[Event, Event]:
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
        Event(login, session.user_id, actor, correlation_id=origin.correlation_id),
        Event(created, session.user_id, actor, correlation_id=origin.correlation_id),
    )


def stepped_up(session: Session, *, origin: Origin) -> Event:
    """login.stepped_up: the user has stepped up a session."""
    stepped_up = events_pb2.LoginSteppedUp(
        user_id=session.user_id,
        session_id=session.id,
        client_id=origin.client_id,
        amr=session.amr,
        acr=session.acr,
        ip_prefix=origin.ip_prefix,
    )
    return Event(stepped_up, session.user_id, user(session.user_id), correlation_id=origin.correlation_id)


def login_failed(
    *, user_id: str, subject: str, origin: Origin, reason: LoginFailure = LoginFailure.WRONG_CREDENTIALS
) -> Event:
    """For an unknown name `user_id` is empty and `subject` is a stand-in."""
    failed = events_pb2.LoginFailed(
        user_id=user_id, client_id=origin.client_id, ip_prefix=origin.ip_prefix, reason=reason.value
    )
    return Event(failed, subject, _UNAUTHENTICATED, outcome="failure", correlation_id=origin.correlation_id)


def sessions_ended(
    ended: Iterable[EndedSession], reason: EndReason, *, actor: Actor, correlation_id: str = ""
) -> list[Event]:
    """One session.ended for each."""
    return [
        Event(
            events_pb2.SessionEnded(user_id=session.user_id, session_id=session.id, reason=_END_REASONS[reason]),
            session.user_id,
            actor,
            correlation_id=correlation_id,
        )
        for session in ended
    ]


def account_created(user_id: str, *, actor: Actor) -> Event:
    return Event(events_pb2.AccountCreated(user_id=user_id), user_id, actor)


def account_disabled(user_id: str, *, actor: Actor) -> Event:
    return Event(events_pb2.AccountDisabled(user_id=user_id), user_id, actor)


def account_enabled(user_id: str, *, actor: Actor) -> Event:
    return Event(events_pb2.AccountEnabled(user_id=user_id), user_id, actor)


def account_deleted(user_id: str, *, actor: Actor) -> Event:
    return Event(events_pb2.AccountDeleted(user_id=user_id), user_id, actor)


def account_updated(user_id: str, claims: Iterable[str], *, actor: Actor) -> Event:
    """Their names and never their values."""
    return Event(events_pb2.AccountUpdated(user_id=user_id, claims=claims), user_id, actor)


def password_changed(user_id: str, *, actor: Actor) -> Event:
    return Event(events_pb2.PasswordChanged(user_id=user_id), user_id, actor)


def password_unchecked(user_id: str, accepted: Accepted) -> tuple[Event, ...]:
    """password.unchecked, where it was not looked up."""
    return () if accepted.looked_up else (Event(events_pb2.PasswordUnchecked(user_id=user_id), user_id, SYSTEM),)


def password_reset(user_id: str) -> tuple[Event, Event]:
    """password.changed, and password.reset_completed."""
    actor = user(user_id)
    completed = Event(events_pb2.PasswordResetCompleted(user_id=user_id), user_id, actor)
    return password_changed(user_id, actor=actor), completed


def password_reset_requested(user_id: str) -> Event:
    """The requester is not authenticated."""
    return Event(events_pb2.PasswordResetRequested(user_id=user_id), user_id, _UNAUTHENTICATED)


def factor_added(user_id: str, factor: Factor, *, actor: Actor) -> Event:
    added = events_pb2.FactorAdded(user_id=user_id, factor_id=factor.id, kind=factor.kind.value)
    return Event(added, user_id, actor)


def factors_removed(user_id: str, factors: Iterable[Factor], *, actor: Actor) -> list[Event]:
    """One factor.removed for each."""
    return [
        Event(
            events_pb2.FactorRemoved(user_id=user_id, factor_id=factor.id, kind=factor.kind.value),
            user_id,
            actor,
        )
        for factor in factors
    ]


def recovery_codes_created(user_id: str) -> Event:
    return Event(events_pb2.RecoveryCodesCreated(user_id=user_id), user_id, user(user_id))


def email_verified(user_id: str, claims: Iterable[str]) -> tuple[Event, Event]:
    """account.updated with the names of the claims, and account.email_verified: by the user."""
    actor = user(user_id)
    return account_updated(user_id, claims, actor=actor), address_verified(user_id, actor=actor)


def address_verified(user_id: str, *, actor: Actor) -> Event:
    return Event(events_pb2.AccountEmailVerified(user_id=user_id), user_id, actor)
