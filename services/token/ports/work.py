"""The unit of work: a Writer changes state and emits events, a Reader only reads."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from libs.servicekit.events.event import Event
from services.token.ports.authorization import (
    ConsentReader,
    ConsentWriter,
    ExportReader,
    PendingRequestReader,
    PendingRequestWriter,
    PushedRequestReader,
    PushedRequestWriter,
)
from services.token.ports.clients import (
    AssertionWriter,
    ClientReader,
    ClientWriter,
    InitialAccessTokenReader,
    InitialAccessTokenWriter,
    TallyWriter,
)
from services.token.ports.sessions import InboxWriter, LogoutDeliveryWriter, SessionClientReader, SessionClientWriter
from services.token.ports.tokens import (
    CodeReader,
    CodeWriter,
    GrantReader,
    GrantWriter,
    PairwiseSaltReader,
    PairwiseSaltWriter,
    RefreshFamilyReader,
    RefreshFamilyWriter,
    RetiredKeyUseReader,
    RetiredKeyUseWriter,
    RevocationReader,
    RevocationWriter,
)


class Reader(Protocol):
    """A consistent snapshot of the store."""

    @property
    def clients(self) -> ClientReader: ...
    @property
    def pending_requests(self) -> PendingRequestReader: ...
    @property
    def pushed_requests(self) -> PushedRequestReader: ...
    @property
    def consents(self) -> ConsentReader: ...
    @property
    def exports(self) -> ExportReader: ...
    @property
    def grants(self) -> GrantReader: ...
    @property
    def codes(self) -> CodeReader: ...
    @property
    def refresh_families(self) -> RefreshFamilyReader: ...
    @property
    def session_clients(self) -> SessionClientReader: ...
    @property
    def revocations(self) -> RevocationReader: ...
    @property
    def initial_access_tokens(self) -> InitialAccessTokenReader: ...
    @property
    def pairwise_salt(self) -> PairwiseSaltReader: ...
    @property
    def retired_key_uses(self) -> RetiredKeyUseReader: ...


class Writer(Protocol):
    """One transaction: all of its changes and events are committed, or none of them."""

    @property
    def clients(self) -> ClientWriter: ...
    @property
    def pending_requests(self) -> PendingRequestWriter: ...
    @property
    def pushed_requests(self) -> PushedRequestWriter: ...
    @property
    def consents(self) -> ConsentWriter: ...
    @property
    def grants(self) -> GrantWriter: ...
    @property
    def codes(self) -> CodeWriter: ...
    @property
    def refresh_families(self) -> RefreshFamilyWriter: ...
    @property
    def session_clients(self) -> SessionClientWriter: ...
    @property
    def logout_deliveries(self) -> LogoutDeliveryWriter: ...
    @property
    def inbox(self) -> InboxWriter: ...
    @property
    def revocations(self) -> RevocationWriter: ...
    @property
    def assertions(self) -> AssertionWriter: ...
    @property
    def initial_access_tokens(self) -> InitialAccessTokenWriter: ...
    @property
    def tallies(self) -> TallyWriter: ...
    @property
    def pairwise_salt(self) -> PairwiseSaltWriter: ...
    @property
    def retired_key_uses(self) -> RetiredKeyUseWriter: ...

    def emit(self, *events: Event) -> None:
        """Publish these events if the transaction commits."""


Begin = Callable[[], AbstractAsyncContextManager[Writer]]
"""Begin a transaction."""
View = Callable[[], AbstractAsyncContextManager[Reader]]
"""Open a read-only snapshot."""
