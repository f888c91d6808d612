"""Saves changes of keys and their events in one transaction."""

from collections.abc import Sequence

from libs.servicekit.base import logs
from libs.servicekit.events.event import Actor
from services.key_rotation import events
from services.key_rotation.domain.rotation import Change
from services.key_rotation.ports import Begin, Writer

_log = logs.get(__name__)


class _OvertakenError(Exception):
    """Rolls back the transaction."""


async def save_changes(begin: Begin, changes: Sequence[Change], *, actor: Actor = events.SYSTEM) -> bool:
    """Return False if another replica has changed one of the keys; then nothing is saved.

    Raises TemporarilyUnavailable.
    """
    try:
        async with begin() as work:
            for change in changes:
                await _save(work, change)
                work.emit(*events.key_changed(change, actor=actor))
    except _OvertakenError:
        return False
    for change in changes:
        key = change.after
        _log.info(
            "key.changed",
            message="Signing key changed",
            kid=key.kid,
            alg=key.alg,
            state=key.state.value,
            activates_at=key.activates_at and key.activates_at.isoformat(),
            retires_at=key.retires_at and key.retires_at.isoformat(),
        )
    return True


async def _save(work: Writer, change: Change) -> None:
    if not await work.keys.save(change):
        raise _OvertakenError
