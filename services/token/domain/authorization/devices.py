"""Device authorization: the codes, and what the user allowed (RFC 8628)."""

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
    """What the user allowed. `session`: the user's session, attested at the time of the decision."""

    session: AuthenticatedSession
    scopes: tuple[str, ...]
    correlation_id: str
    resources: tuple[str, ...] = ()

    def require_fresh_sign_in(self, *, now: datetime) -> None:
        """Raises InvalidGrant when the user had not signed in recently before allowing the device."""
        if now - self.session.authenticated_at > FRESH_SIGN_IN + MAX_LIFETIME:
            raise InvalidGrant(reason=Reason.DEVICE_SIGN_IN_NOT_FRESH)
