"""Emits an event and sends an email about each change of a user's factors.

Each runs inside the caller's transaction.
"""

from collections.abc import Sequence
from datetime import datetime

from libs.servicekit.events.event import Actor
from services.authentication import events
from services.authentication.domain.email.emails import Email, EmailKind
from services.authentication.domain.factors.factor import Factor
from services.authentication.ports.work import Writer


async def tell_added(work: Writer, user_id: str, factor: Factor, *, now: datetime) -> None:
    work.emit(events.factor_added(user_id, factor, actor=events.user(user_id)))
    await work.emails.post(_email(EmailKind.FACTOR_ADDED, user_id, factor), now=now)


async def tell_removed(work: Writer, user_id: str, removed: Sequence[Factor], *, actor: Actor, now: datetime) -> None:
    work.emit(*events.factors_removed(user_id, removed, actor=actor))
    for factor in removed:
        await work.emails.post(_email(EmailKind.FACTOR_REMOVED, user_id, factor), now=now)


async def tell_codes_created(work: Writer, user_id: str, *, now: datetime) -> None:
    work.emit(events.recovery_codes_created(user_id))
    words = {"factor": "recovery-codes"}
    await work.emails.post(Email(kind=EmailKind.FACTOR_ADDED, user_id=user_id, words=words), now=now)


def _email(kind: EmailKind, user_id: str, factor: Factor) -> Email:
    return Email(kind=kind, user_id=user_id, words={"factor": factor.kind.value, "name": factor.name})
