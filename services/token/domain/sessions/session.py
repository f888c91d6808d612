"""The session of a browser, attested by the authentication service."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class AuthenticatedSession:
    session_id: str
    user_id: str
    authenticated_at: datetime
    acr: str
    amr: tuple[str, ...]
