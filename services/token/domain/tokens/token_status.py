"""The revocation status of an access token."""

from dataclasses import dataclass

from services.token.domain.tokens.grants import Grant


@dataclass(frozen=True)
class TokenStatus:
    """`revoked`: the token was revoked or its grant was deleted. `grant`: None for a client credentials token."""

    revoked: bool
    grant: Grant | None = None

    @property
    def good(self) -> bool:
        return not self.revoked and (self.grant is None or self.grant.revoked_at is None)
