"""Subject and session identifiers of users, public or pairwise (OpenID Connect Core 8)."""

from dataclasses import dataclass

from libs.crypto.hashing import hashes_equal, keyed_hash
from libs.crypto.strict import base64url
from services.token.domain.clients.client import Client


@dataclass(frozen=True)
class SubjectIdentifiers:
    """`sub` and `sid` as they stand in what a client gets."""

    sub: str
    sid: str


class Subjects:
    """Derives `sub` and `sid`: the internal ids, or for pairwise clients an HMAC of them for each sector.

    Args:
        salt: never changes; a new salt changes every pairwise subject.
    """

    def __init__(self, salt: bytes) -> None:
        self._salt = salt

    def shown(self, client: Client, *, user_id: str, session_id: str) -> SubjectIdentifiers:
        return SubjectIdentifiers(self.sub(client, user_id), self.sid(client, session_id))

    def sub(self, client: Client, user_id: str) -> str:
        """43 characters of base64url for a sector, and so never a client id or a public subject (RFC 9700 4.15)."""
        return self._pairwise("sub", client, user_id)

    def sid(self, client: Client, session_id: str) -> str:
        """Pairwise like `sub`: a common `sid` would let two sectors correlate a user."""
        return self._pairwise("sid", client, session_id)

    @property
    def fingerprint(self) -> bytes:
        """Tells this salt from another, and nothing of it."""
        return keyed_hash(self._salt, "fingerprint")

    def has_fingerprint(self, fingerprint: bytes) -> bool:
        return hashes_equal(self.fingerprint, fingerprint)

    def _pairwise(self, kind: str, client: Client, own: str) -> str:
        sector = client.metadata.sector
        if not sector:
            return own
        return base64url(keyed_hash(self._salt, f"{kind}\0{sector}\0{own}"))
