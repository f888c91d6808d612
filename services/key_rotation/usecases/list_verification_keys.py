"""The public keys whose signatures may be met."""

from collections.abc import Sequence
from typing import Final

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.key_rotation.domain.keys import Key, without_signer
from services.key_rotation.ports import ViewFactory

NOT_READY: Final = Reason.KEYS_NOT_READY


class ListVerificationKeys:
    def __init__(self, *, view: ViewFactory) -> None:
        self._view = view

    async def __call__(self) -> Sequence[Key]:
        """All published keys.

        Raises TemporarilyUnavailable when an algorithm has no key that signs or will: half a key set must not get into
        caches.
        """
        async with self._view() as view:
            keys = await view.keys.published()
        if without_signer(keys):
            raise TemporarilyUnavailable(reason=NOT_READY, retry_after=1)
        return keys
