"""A signed-in browser, as the user it belongs to is shown it."""

from dataclasses import dataclass

from services.authentication.domain.sessions.session import Session

MAX_LISTED = 100


@dataclass(frozen=True)
class ListedSession:
    session: Session
    ip_prefix: str
    """The /24 or /48 where it began; empty for one that an application began with a password."""
    device: str = ""
    """Browser and system where it began; empty when they are not known."""
