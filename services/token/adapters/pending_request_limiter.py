"""Limits stored authorization requests of browsers without a session (security checklist, 62).

Their life is bounded elsewhere (minutes); this bounds how fast they come, by what they weigh. Each replica counts for
itself: the bound is against floods, not a quota.
"""

from datetime import datetime, timedelta

from libs.oauth.addresses import is_public
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from libs.servicekit.base.rates import Rate

ROW_BYTES = 512
"""What a stored request weighs beside its parameters."""
OF_ONE = 4 * 1024 * 1024
"""Bytes in a minute from one network, or of one client that proves who it is: some thousand usual requests."""
OF_ALL = 64 * 1024 * 1024
_MINUTE = timedelta(minutes=1)


class PendingRequestLimiter:
    def __init__(self) -> None:
        self._of_one = Rate(size=OF_ONE, refill=_MINUTE, reason=Reason.STORED_REQUESTS_OF_ONE)
        self._of_all = Rate(size=OF_ALL, refill=_MINUTE, reason=Reason.STORED_REQUESTS_OF_ALL)

    def require_room(self, parameters: Parameters, *, network: str, client_id: str = "", now: datetime) -> None:
        """Accounts for a request that is about to be stored.

        Args:
            network: the /24 or /48 that it came from. One that is not public stands for many, and is not counted.
            client_id: of a client that has proved who it is: then that counts instead.

        Raises:
            TemporarilyUnavailable: too much came, from there or at all.
        """
        weight = ROW_BYTES + sum(len(name) + len(value) for name, value in parameters.items())
        if client_id:
            self._of_one.consume(f"client {client_id}", weight, now=now)
        elif is_public(network):
            self._of_one.consume(network, weight, now=now)
        self._of_all.consume("", weight, now=now)
