"""Tokens: grants, codes, refresh families, revocations, keys, accounts, the token hook and telemetry."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from libs.crypto.jwt import KeySet
from libs.servicekit.events.event import Event
from services.token.domain.authorization.connections import ConsentRecord
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.domain.tokens.grants import AuthorizationCode, Grant
from services.token.domain.tokens.refresh_families import RefreshFamily
from services.token.domain.tokens.retired_keys import PresentedAs, RetiredKeyUse
from services.token.domain.tokens.token_hook import TokenHookRequest
from services.token.domain.tokens.token_status import TokenStatus


class GrantReader(Protocol):
    async def find(self, grant_id: str) -> Grant | None: ...

    async def live_of_user(self, user_id: str, *, now: datetime) -> Sequence[ConsentRecord]:
        """Return the scopes and resources of the user's valid grants, at most the latest 1000."""

    async def list_of_user(self, user_id: str, *, limit: int, now: datetime) -> Sequence[tuple[Grant, datetime]]:
        """Return the user's valid grants and when they expire, most recent first."""


class GrantWriter(GrantReader, Protocol):
    async def add(self, grant: Grant, *, expires_at: datetime) -> None: ...

    async def prolong(self, grant_id: str, *, until: datetime) -> None:
        """Keep the grant at least until then, while a refresh family may need it."""

    async def revoke(self, grant_id: str, *, reason: str, now: datetime) -> bool:
        """Revoke the grant and all tokens issued under it. Return True for exactly one caller."""

    async def revoke_some_of_client(
        self, client_id: str, *, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """Revoke grants of a client. Return (grant id, user id, client id) of each."""

    async def revoke_some_of_session(
        self, session_id: str, *, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """Revoke the online grants of a session. Return (grant id, user id, client id) of each."""

    async def revoke_some_of_user(
        self, user_id: str, *, before: datetime, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """Revoke grants of a user that were created until then, offline grants included.

        Return (grant id, user id, client id) of each.
        """

    async def revoke_some_offline_of_user(
        self, user_id: str, *, before: datetime, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """Revoke offline grants of a user that were created before then. Returns as `revoke_some_of_user`."""

    async def revoke_some_of_connection(
        self, user_id: str, client_id: str, *, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """Revoke grants that a user gave to one client. Returns as `revoke_some_of_user`."""


class CodeReader(Protocol):
    async def find(self, code_hash: bytes) -> AuthorizationCode | None: ...


class CodeWriter(CodeReader, Protocol):
    async def add(self, code: AuthorizationCode) -> None: ...

    async def redeem(self, code_hash: bytes, *, now: datetime) -> bool:
        """Redeem the code. Return True for exactly one caller."""


class RefreshFamilyReader(Protocol):
    async def find(self, family_id: str) -> RefreshFamily | None: ...


class RefreshFamilyWriter(RefreshFamilyReader, Protocol):
    async def add(self, family: RefreshFamily) -> None: ...

    async def rotate(self, before: RefreshFamily, after: RefreshFamily) -> bool:
        """Replace one generation by the next. Return True for exactly one caller."""


class RevocationReader(Protocol):
    async def status(self, token_id: str, *, grant_id: str | None) -> TokenStatus:
        """Return the status of an access token and of its grant, in one query."""


class RevocationWriter(RevocationReader, Protocol):
    async def add(self, token_id: str, *, expires_at: datetime) -> bool:
        """Revoke one access token. Return True for exactly one caller."""


class PairwiseSaltReader(Protocol):
    """The fingerprint of the salt from which pairwise subjects are derived."""

    async def find(self) -> bytes | None: ...


class PairwiseSaltWriter(PairwiseSaltReader, Protocol):
    async def keep(self, fingerprint: bytes, *, now: datetime) -> bytes:
        """Store the fingerprint unless one is stored. Return the stored fingerprint."""


class RetiredKeyUseReader(Protocol):
    async def latest(self, *, limit: int) -> Sequence[RetiredKeyUse]:
        """Return the uses, most recent first."""


class RetiredKeyUseWriter(RetiredKeyUseReader, Protocol):
    async def add(self, uses: Sequence[RetiredKeyUse]) -> None:
        """Add these counts to the stored counts."""


class TokenHook(Protocol):
    """The operator's program that may add claims to access tokens."""

    async def __call__(self, hook_request: TokenHookRequest) -> Mapping[str, Any]:
        """Return the claims to add to an access token.

        Raises:
            AccessDenied: the hook denies the token.
            TemporarilyUnavailable: the hook is mandatory and did not respond.
        """


class Keys(Protocol):
    async def sign(self, claims: Mapping[str, Any], *, alg: str, typ: str, now: datetime) -> str:
        """Sign a token with the active key of the algorithm.

        Raises TemporarilyUnavailable when there is no such key or the key set is stale.
        """

    def record_presented(self, token: str, presented_as: PresentedAs) -> None:
        """Count the presented token if a retired key signed it (docs/keys.md)."""

    @property
    def verification(self) -> KeySet:
        """All keys that verify tokens. Raises TemporarilyUnavailable before the first fetch."""


class Account(Protocol):
    @property
    def active(self) -> bool: ...
    @property
    def session_live(self) -> bool: ...
    @property
    def grants_not_before(self) -> datetime | None:
        """Grants that were made before this time are invalid; None: the account invalidates no grant."""

    @property
    def claims(self) -> Mapping[str, Any]: ...


class Accounts(Protocol):
    async def find(self, *, user_id: str, session_id: str, claims: Sequence[str]) -> Account | None:
        """Return the current state of an account and the requested claims, or None when it does not exist."""


class SignIns(Protocol):
    async def through_client(
        self, username: str, password: str, *, client_id: str, correlation_id: str
    ) -> AuthenticatedSession:
        """Verify a password and return the new session.

        Raises InvalidGrant for a wrong password, TemporarilyUnavailable after too many failed attempts.
        """


class Telemetry(Protocol):
    def record(self, event: Event) -> None:
        """Queue an event for publication without waiting; it may be dropped."""
