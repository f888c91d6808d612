"""Revokes many grants in several transactions, with one event for each grant."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from services.token import events
from services.token.ports.work import Begin, Writer

GRANTS_AT_ONCE = 500
"""Each revoked grant writes rows and an event, so this limits the size of a transaction."""

Result = TypeVar("Result")
RevokeSome = Callable[[Writer, int], Awaitable[Sequence[tuple[str, str, str]]]]
"""Revokes at most that many grants. Returns (grant id, user id, client id) of each."""


async def revoke_in_batches(
    begin: Begin,
    revoke_some: RevokeSome,
    *,
    reason: events.RevocationReason,
    finish: Callable[[Writer, int], Awaitable[Result]],
    by_operator: bool = False,
) -> Result:
    """Revoke grants until none is left, then call `finish` in the transaction of the last batch.

    An interrupted run can be repeated: `finish` has not run, and the next run continues with the grants that are left.

    Args:
        finish: takes the number of all revoked grants.
    """
    revoked = 0
    while True:
        async with begin() as work:
            batch = await revoke_some(work, GRANTS_AT_ONCE)
            revoked += len(batch)
            work.emit(
                *(
                    events.token_revoked(
                        user_id=user_id,
                        client_id=client_id,
                        grant_id=grant_id,
                        reason=reason,
                        by_operator=by_operator,
                    )
                    for grant_id, user_id, client_id in batch
                )
            )
            if len(batch) < GRANTS_AT_ONCE:
                return await finish(work, revoked)
