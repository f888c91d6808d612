"""What a page does when another service refuses its call: one table per RPC, with all documented reasons."""

from collections.abc import Mapping
from dataclasses import dataclass

from libs.oauth.errors import OAuthError
from libs.oauth.reasons import Reason


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """The documented reasons of one RPC.

    Args:
        rpc: name of the RPC.
        shown: reasons that the page itself shows -> a message, marked for translation, or a key of the template.
        passed_on: reasons that the page leaves to the error middleware, see errors.SITUATIONS.
    """

    rpc: str
    shown: Mapping[Reason, str]
    passed_on: frozenset[Reason] = frozenset()

    def shown_for(self, error: OAuthError) -> str:
        """Returns what the page shows for the error. Raises the error again if the page does not show its reason."""
        if error.reason not in self.shown:
            raise error
        return self.shown[error.reason]
