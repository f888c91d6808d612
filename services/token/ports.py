"""What the use cases need from outside. The store, the neighbours and the tests' own parts each give these."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol

from libs.crypto.jwt import KeySet
from libs.oauth.client_metadata import ClientMetadata
from libs.oauth.parameters import Parameters
from libs.servicekit.base.limits import Tally
from libs.servicekit.events.event import Event
from services.token.domain.authorization.connections import ConsentRecord
from services.token.domain.authorization.devices import AllowedDevice, DeviceCodes
from services.token.domain.authorization.pending_requests import PendingRequest
from services.token.domain.authorization.pushed_requests import PushedRequest
from services.token.domain.clients.client import Client
from services.token.domain.clients.client_assertions import UsedAssertion
from services.token.domain.clients.client_logos import Logo
from services.token.domain.clients.registrations import InitialAccessToken
from services.token.domain.sessions.logout import LogoutDelivery, Outcome
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.domain.tokens.grants import AuthorizationCode, Grant
from services.token.domain.tokens.refresh_families import RefreshFamily
from services.token.domain.tokens.retired_keys import PresentedAs, RetiredKeyUse
from services.token.domain.tokens.token_hook import TokenHookRequest
from services.token.domain.tokens.token_status import TokenStatus


class Clients(Protocol):
    async def find(self, client_id: str) -> Client | None: ...

    async def find_for_update(self, client_id: str) -> Client | None:
        """As `find`, and nobody else changes it until the end of the work."""

    async def page(self, *, after: tuple[datetime, str] | None, size: int) -> Sequence[Client]:
        """Oldest first, at most `size`, from behind the client created at that time with that id."""

    async def add(self, client: Client) -> None: ...

    async def save(self, client: Client) -> None: ...

    async def remove(self, client_id: str) -> bool:
        """False when there was none."""

    async def prolong_registration(self, client_id: str, *, until: datetime) -> bool:
        """A client that registered itself is not removed before then. False when it is gone."""

    async def count_registered(self, *, limit: int) -> int:
        """How many registered themselves; counts no further than `most`."""

    async def remove_unused(self, *, limit: int, now: datetime) -> Sequence[str]:
        """Client ids of what was removed: registered by themselves, expired, and without a grant that is still good."""


class InitialAccessTokens(Protocol):
    async def add(self, token: InitialAccessToken, *, token_hash: bytes) -> None: ...

    async def is_usable(self, token_hash: bytes, *, now: datetime) -> bool: ...

    async def consume(self, token_hash: bytes, *, now: datetime) -> bool:
        """Takes one use; True for exactly as many callers as there were uses."""

    async def usable(self, *, limit: int, now: datetime) -> Sequence[InitialAccessToken]:
        """The latest first."""

    async def remove(self, token_id: str) -> bool:
        """False when there was none."""


class Tallies(Protocol):
    async def read(self, keys: Iterable[str]) -> Mapping[str, Tally]: ...

    async def add(self, keys: Iterable[str], *, window: timedelta, now: datetime) -> Mapping[str, Tally]:
        """Counts one more under each key and holds them until the end of the work: others wait, so none is missed."""


class PendingRequests(Protocol):
    async def find(self, id_hash: bytes) -> PendingRequest | None: ...

    async def add(self, pending: PendingRequest) -> None: ...

    async def record_consent(self, id_hash: bytes, *, user_id: str) -> None: ...

    async def complete(self, id_hash: bytes, *, now: datetime) -> bool:
        """Ends the request; True for exactly one caller."""


class PushedRequests(Protocol):
    async def find(self, id_hash: bytes) -> PushedRequest | None: ...

    async def add(self, pushed: PushedRequest) -> None: ...

    async def complete(self, id_hash: bytes, *, now: datetime) -> bool:
        """Ends the request; True for exactly one caller."""


class Exports(Protocol):
    async def of_user(self, user_id: str) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """What is stored of a person, by table and without secrets; moments as RFC 3339."""


class Consents(Protocol):
    async def find(self, *, user_id: str, client_id: str, resources: tuple[str, ...]) -> frozenset[str]:
        """Scope values granted before, for each one of these resources; none when the user was never asked."""

    async def remember(
        self, *, user_id: str, client_id: str, scopes: tuple[str, ...], resources: tuple[str, ...], now: datetime
    ) -> None: ...

    async def of_user(self, user_id: str) -> Sequence[ConsentRecord]: ...

    async def forget(self, *, user_id: str, client_id: str) -> bool:
        """False when there was nothing to forget."""

    async def forget_client(self, client_id: str) -> None: ...

    async def forget_user(self, user_id: str) -> None: ...


class Grants(Protocol):
    async def add(self, grant: Grant, *, expires_at: datetime) -> None: ...

    async def find(self, grant_id: str) -> Grant | None: ...

    async def prolong(self, grant_id: str, *, until: datetime) -> None:
        """Keeps it while a refresh family may need it."""

    async def revoke(self, grant_id: str, *, reason: str, now: datetime) -> bool:
        """Ends the grant and all that hangs on it; True for exactly one caller."""

    async def revoke_some_of_client(
        self, client_id: str, *, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str]]:
        """(grant id, user id) of what was ended."""

    async def revoke_some_of_session(
        self, session_id: str, *, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """(grant id, user id, client id) of what was ended: grants that were good as long as the session."""

    async def revoke_some_of_user(
        self, user_id: str, *, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """(grant id, user id, client id) of what was ended, offline ones as well."""

    async def revoke_some_offline_of_user(
        self, user_id: str, *, before: datetime, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """As `revoke_some_of_user`, of those alone that outlive sessions and were made before then."""

    async def revoke_some_of_connection(
        self, user_id: str, client_id: str, *, limit: int, reason: str, now: datetime
    ) -> Sequence[tuple[str, str, str]]:
        """As `revoke_some_of_user`, of one client."""

    async def live_of_user(self, user_id: str, *, now: datetime) -> Sequence[ConsentRecord]:
        """What the grants allow that have neither ended nor expired; the latest thousand."""


class SessionClients(Protocol):
    """Clients that hear of the end of a session, as far as the session has signed anybody in to them."""

    async def remember(self, session_id: str, client_id: str, *, expires_at: datetime) -> None: ...

    async def of(self, session_id: str) -> Sequence[str]: ...

    async def forget(self, session_id: str) -> Sequence[str]:
        """The client ids that were remembered."""


class LogoutDeliveries(Protocol):
    async def add(self, delivery: LogoutDelivery) -> None:
        """Once for each session and client."""

    async def claim(self, *, limit: int, now: datetime) -> Sequence[LogoutDelivery]:
        """What is due, each for exactly one caller until its lease ends."""

    async def postpone(self, delivery: LogoutDelivery, *, until: datetime) -> bool:
        """False when the lease had ended and somebody else has begun another attempt."""

    async def settle(self, delivery: LogoutDelivery, outcome: Outcome) -> bool: ...


class Inbox(Protocol):
    async def take(self, *, consumer: str, event_id: str, now: datetime) -> bool:
        """True when this consumer has not handled the event before."""


class Codes(Protocol):
    async def add(self, code: AuthorizationCode) -> None: ...

    async def find(self, code_hash: bytes) -> AuthorizationCode | None: ...

    async def redeem(self, code_hash: bytes, *, now: datetime) -> bool:
        """True for exactly one caller, ever."""


class RefreshFamilies(Protocol):
    async def add(self, family: RefreshFamily) -> None: ...

    async def find(self, family_id: str) -> RefreshFamily | None: ...

    async def rotate(self, before: RefreshFamily, after: RefreshFamily) -> bool:
        """Moves the family from one generation to the next; True for exactly one caller."""


class Revocations(Protocol):
    async def add(self, token_id: str, *, expires_at: datetime) -> bool:
        """Ends one access token; True for exactly one caller."""

    async def status(self, token_id: str, *, grant_id: str | None) -> TokenStatus:
        """How things stand with an access token and the grant behind it; one look."""


class Assertions(Protocol):
    async def use(self, assertion: UsedAssertion) -> bool:
        """True for exactly one caller, as long as the assertion could be good."""


class PairwiseSalt(Protocol):
    """Which salt pairwise subjects are made with, as a fingerprint."""

    async def find(self) -> bytes | None: ...

    async def keep(self, fingerprint: bytes, *, now: datetime) -> bytes:
        """The fingerprint that counts from now on: the first one ever."""


class RetiredKeyUses(Protocol):
    async def add(self, uses: Sequence[RetiredKeyUse]) -> None:
        """Counts on from what is there."""

    async def latest(self, *, limit: int) -> Sequence[RetiredKeyUse]:
        """Whoever came last first."""


class Work(Protocol):
    """One transaction: all of it happens and is told, or none of it."""

    @property
    def clients(self) -> Clients: ...
    @property
    def pending_requests(self) -> PendingRequests: ...
    @property
    def pushed_requests(self) -> PushedRequests: ...
    @property
    def consents(self) -> Consents: ...
    @property
    def exports(self) -> Exports: ...
    @property
    def grants(self) -> Grants: ...
    @property
    def codes(self) -> Codes: ...
    @property
    def refresh_families(self) -> RefreshFamilies: ...
    @property
    def session_clients(self) -> SessionClients: ...
    @property
    def logout_deliveries(self) -> LogoutDeliveries: ...
    @property
    def inbox(self) -> Inbox: ...
    @property
    def revocations(self) -> Revocations: ...
    @property
    def assertions(self) -> Assertions: ...
    @property
    def initial_access_tokens(self) -> InitialAccessTokens: ...
    @property
    def tallies(self) -> Tallies: ...
    @property
    def pairwise_salt(self) -> PairwiseSalt: ...
    @property
    def retired_key_uses(self) -> RetiredKeyUses: ...
    def emit(self, *events: Event) -> None:
        """Tells subscribers, if and when the work is committed."""


class TokenHook(Protocol):
    """The operator's own program (token_hook.py)."""

    async def __call__(self, question: TokenHookRequest) -> Mapping[str, Any]:
        """Claims to add to an access token.

        Raises:
            AccessDenied: the token is denied.
            TemporarilyUnavailable: the hook must be heard and is not.
        """


Begin = Callable[[], AbstractAsyncContextManager[Work]]
"""Begins a transaction, or a consistent look at the store (`view`), in which nothing may be changed."""


class ClientDirectory(Protocol):
    async def find(self, client_id: str) -> Client | None:
        """The client as it was at most a cache's lifetime ago."""

    def forget(self) -> None:
        """Reads afresh from now on."""


class SignedByClients(Protocol):
    async def verified(
        self, token: str, metadata: ClientMetadata, *, types: frozenset[str] = ...
    ) -> dict[str, Any] | None:
        """Claims of a JWT that a key of the client signed; None otherwise. Nothing else is judged."""


class PendingRequestLimiter(Protocol):
    def require_room(self, parameters: Parameters, *, network: str, client_id: str = "", now: datetime) -> None:
        """Accounts for a request that is about to be stored. Raises TemporarilyUnavailable when too much came."""


class Logos(Protocol):
    async def find(self, uri: str) -> Logo | None:
        """The image behind a `logo_uri`; None when it cannot be had."""


class Keys(Protocol):
    async def sign(self, claims: Mapping[str, Any], *, alg: str, typ: str, now: datetime) -> str:
        """A token of the kind `typ`, with the key that signs at this moment, wherever that key is.

        Raises TemporarilyUnavailable when there is none, or the view of the keys is too old.
        """

    def record_presented(self, token: str, presented_as: PresentedAs) -> None:
        """Somebody shows us what may be a token of ours: whose key signs no more, is counted (docs/keys.md)."""

    @property
    def verification(self) -> KeySet:
        """All keys whose signatures hold. Raises TemporarilyUnavailable while none are known yet."""


class Accounts(Protocol):
    async def find(self, *, user_id: str, session_id: str, claims: Sequence[str]) -> "Account | None":
        """The state of a person's account now, and the claims asked for; None when there is no such person."""


class Account(Protocol):
    @property
    def active(self) -> bool: ...
    @property
    def session_live(self) -> bool: ...
    @property
    def claims(self) -> Mapping[str, Any]: ...


class SignIns(Protocol):
    async def through_client(
        self, username: str, password: str, *, client_id: str, correlation_id: str
    ) -> AuthenticatedSession:
        """The session that the password begins.

        Raises InvalidGrant when it does not, TemporarilyUnavailable when there were too many failures.
        """


class Devices(Protocol):
    async def create(
        self, client: Client, scopes: tuple[str, ...], *, resources: tuple[str, ...], remote_address: str
    ) -> DeviceCodes:
        """A new pair of codes. Raises TemporarilyUnavailable when there are too many."""

    async def poll(self, device_code: str, *, client_id: str, wait: timedelta) -> AllowedDevice:
        """What a person allowed; spends nothing. Raises the errors of RFC 8628 3.5."""

    async def redeem(self, device_code: str, *, client_id: str) -> None:
        """Spends the code: succeeds once, ever. Raises InvalidGrant to everybody else."""


class Telemetry(Protocol):
    def record(self, event: Event) -> None:
        """Tells subscribers, without waiting and without a promise."""
