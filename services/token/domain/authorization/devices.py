"""Devices that somebody elsewhere lets in, as far as the token service has to know (RFC 8628)."""

from dataclasses import dataclass, field
from datetime import datetime

from libs.oauth.device_authorization import FRESH_SIGN_IN, MAX_LIFETIME
from libs.oauth.errors import InvalidGrant
from libs.oauth.reasons import Reason
from services.token.domain.sessions.session import AuthenticatedSession


@dataclass(frozen=True)
class DeviceCodes:
    """A pair of codes; times in seconds."""

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)
    expires_in: int
    interval: int


@dataclass(frozen=True)
class AllowedDevice:
    """What a person allowed. `session`: theirs, as the authentication service vouched for it at that moment."""

    session: AuthenticatedSession
    scopes: tuple[str, ...]
    correlation_id: str
    resources: tuple[str, ...] = ()

    def require_fresh_sign_in(self, *, now: datetime) -> None:
        """Raises InvalidGrant when the person had not just signed in: whoever let them decide should not have."""
        if now - self.session.authenticated_at > FRESH_SIGN_IN + MAX_LIFETIME:
            raise InvalidGrant(reason=Reason.DEVICE_SIGN_IN_NOT_FRESH)
