"""Limits emails that requests from pages cause."""

from datetime import datetime

from libs.crypto.hashing import keyed_hash
from libs.oauth.addresses import is_public
from libs.oauth.reasons import Reason
from libs.servicekit.base.limits import Limit, require_room
from services.authentication.domain.email.request_limits import OVERALL, PER_NETWORK, PER_RECEIVER, WINDOW
from services.authentication.domain.sessions.origin import Origin
from services.authentication.ports.work import Writer


class LimitEmails:
    def __init__(self, *, key: bytes) -> None:
        self._key = key

    async def __call__(self, work: Writer, receiver: str, *, origin: Origin, now: datetime) -> bool:
        """Count a request, also for an unknown receiver. False if the receiver has reached its limit.

        Args:
            receiver: the normalized username or address.

        Raises:
            TemporarilyUnavailable: too many requests from this network or in total (LETTERS_THROTTLED).
        """
        limits = [Limit("letters overall", OVERALL, Reason.LETTERS_THROTTLED)]
        if is_public(origin.ip_prefix):
            limits.append(Limit(self._digest("network", origin.ip_prefix), PER_NETWORK, Reason.LETTERS_THROTTLED))
        of_receiver = self._digest("receiver", _mailbox(receiver))
        keys = [of_receiver, *(limit.key for limit in limits)]
        require_room(limits, await work.tallies.read(keys), window=WINDOW, now=now)
        counted = await work.tallies.add(keys, window=WINDOW, now=now)
        return counted[of_receiver].count <= PER_RECEIVER

    def _digest(self, what: str, text: str) -> str:
        return f"letters {what} {keyed_hash(self._key, f'{what} {text}').hex()}"


def _mailbox(receiver: str) -> str:
    """Remove the part after a plus sign: many mail servers deliver all such addresses to one mailbox."""
    local, at, domain = receiver.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}" if at else receiver
