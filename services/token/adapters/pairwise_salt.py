"""The salt of pairwise subjects is the one that they began with: with another one every such subject would change."""

from libs.servicekit.base.service import CheckResult
from libs.servicekit.base.settings import ConfigurationError
from services.token.domain.tokens.subjects import Subjects
from services.token.ports.work import View


class PairwiseSaltCheck:
    def __init__(self, view: View, subjects: Subjects) -> None:
        self._view = view
        self._subjects = subjects

    async def require(self) -> None:
        """Raises ConfigurationError when pairwise clients were registered under another salt."""
        if not await self._is_same():
            raise ConfigurationError(
                "LATCHKEY_PAIRWISE_SALT_FILE does not contain the salt that existing pairwise subjects were derived "
                "from: restore the original salt"
            )

    async def check(self) -> CheckResult:
        """Readiness: another replica may have registered the first one meanwhile."""
        same = await self._is_same()
        return CheckResult(
            ok=same, detail="matches the database" if same else "differs from the salt in use by other replicas"
        )

    async def _is_same(self) -> bool:
        async with self._view() as view:
            kept = await view.pairwise_salt.find()
        return kept is None or self._subjects.has_fingerprint(kept)
