"""Lists the public keys of the key set."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.key_rotation.domain.keys import Key, algs_without_signer
from services.key_rotation.ports import View

NOT_READY: Final = Reason.KEYS_NOT_READY


@dataclass(kw_only=True)
class ListVerificationKeys:
    view: View

    async def __call__(self) -> Sequence[Key]:
        """Return all published keys.

        Raises TemporarilyUnavailable if an algorithm has no active or next key: caches must not get an incomplete set.
        """
        async with self.view() as view:
            keys = await view.keys.published()
        if algs_without_signer(keys):
            raise TemporarilyUnavailable(reason=NOT_READY, retry_after=1)
        return keys
