"""The salt of pairwise subjects is the one that they began with: with another one every such subject would change."""

from dataclasses import dataclass

from libs.servicekit.base.service import CheckResult
from libs.servicekit.base.settings import ConfigurationError
from services.token.domain.tokens.subjects import Subjects
from services.token.ports.work import View


@dataclass(frozen=True, kw_only=True)
class PairwiseSaltCheck:
    view: View
    subjects: Subjects

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
        async with self.view() as view:
            kept = await view.pairwise_salt.find()
        return kept is None or self.subjects.has_fingerprint(kept)
