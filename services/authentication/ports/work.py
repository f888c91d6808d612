"""The unit of work: a Writer changes state and emits events, a Reader only reads."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from libs.servicekit.events.event import Event
from services.authentication.ports.accounts import AccountReader, AccountWriter, ExportReader
from services.authentication.ports.email import EmailWriter, LinkReader, LinkWriter, TallyWriter
from services.authentication.ports.factors import FactorReader, FactorWriter, PasskeyReader, PasskeyWriter
from services.authentication.ports.sessions import SessionReader, SessionWriter
from services.authentication.ports.sign_in import AttemptReader, AttemptWriter, FailureReader, FailureWriter


class Reader(Protocol):
    """A consistent snapshot of the store."""

    @property
    def accounts(self) -> AccountReader: ...
    @property
    def sessions(self) -> SessionReader: ...
    @property
    def exports(self) -> ExportReader: ...
    @property
    def failures(self) -> FailureReader: ...
    @property
    def links(self) -> LinkReader: ...
    @property
    def factors(self) -> FactorReader: ...
    @property
    def passkeys(self) -> PasskeyReader: ...
    @property
    def attempts(self) -> AttemptReader: ...


class Writer(Protocol):
    """One transaction: all of its changes and events are committed, or none of them."""

    @property
    def accounts(self) -> AccountWriter: ...
    @property
    def sessions(self) -> SessionWriter: ...
    @property
    def failures(self) -> FailureWriter: ...
    @property
    def emails(self) -> EmailWriter: ...
    @property
    def links(self) -> LinkWriter: ...
    @property
    def tallies(self) -> TallyWriter: ...
    @property
    def factors(self) -> FactorWriter: ...
    @property
    def passkeys(self) -> PasskeyWriter: ...
    @property
    def attempts(self) -> AttemptWriter: ...

    def emit(self, *events: Event) -> None:
        """Publish these events if the transaction commits."""


Begin = Callable[[], AbstractAsyncContextManager[Writer]]
"""Begin a transaction."""
View = Callable[[], AbstractAsyncContextManager[Reader]]
"""Open a read-only snapshot."""
