"""What a flow is for the page: a title, some buttons, and the addresses where the browser comes back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from deploy.playground.config import Playground
from deploy.playground.sessions import Session
from deploy.playground.transcript import Run


@dataclass(frozen=True)
class Visit:
    """One press of a button, or one answer brought back, as a flow sees it."""

    playground: Playground
    session: Session
    flow: str
    now: datetime

    def start(self, title: str) -> Run:
        """Begin a run of this flow."""
        return self.session.start(self.flow, title, now=self.now)


@dataclass(frozen=True)
class Button:
    """One thing to try."""

    name: str
    """Its id on the page is `run-<name>`."""
    label: str
    press: Callable[[Visit], Awaitable[str | None]]
    """Answers with the address to send the browser to, or None for the page itself."""
    unavailable: Callable[[Playground, Session], str | None] = lambda _playground, _session: None
    """Why it cannot be pressed now; None when it can."""
    primary: bool = False


class ResponseMode(Enum):
    """How an answer travels (OAuth 2.0 Multiple Response Type Encoding Practices 2.1, Form Post Response Mode)."""

    QUERY = "query"
    FRAGMENT = "fragment"
    FORM_POST = "form_post"


@dataclass(frozen=True)
class Flow:
    """A card of the page."""

    name: str
    title: str
    summary: str
    suits: str
    """Which kind of application chooses this flow."""
    not_for: str
    """And which does not, with what it takes instead."""
    buttons: tuple[Button, ...]
    returns: Callable[[Playground], Mapping[str, ResponseMode]] = lambda _: {}
    """The paths of this server where the browser brings answers."""
