"""How things stand with an access token that verifies: JWTs are not stored, what ended before its time is."""

from dataclasses import dataclass

from services.token.domain.tokens.grants import Grant


@dataclass(frozen=True)
class TokenStatus:
    """`revoked`: the token itself was, or its grant has gone. `grant`: the person's; None for a client's own token."""

    revoked: bool
    grant: Grant | None = None

    @property
    def good(self) -> bool:
        return not self.revoked and (self.grant is None or self.grant.revoked_at is None)
