"""A flow on the page: a title, buttons and the callback paths."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from deploy.playground.config import Playground
from deploy.playground.sessions import Session
from deploy.playground.transcript import Run


@dataclass(frozen=True)
class Visit:
    """One press of a button, or one response that the browser brings."""

    playground: Playground
    session: Session
    flow: str
    now: datetime

    def start(self, title: str) -> Run:
        """Begin a run of this flow."""
        return self.session.start(self.flow, title, now=self.now)


@dataclass(frozen=True)
class Button:
    """A button of a flow."""

    name: str
    """Its id on the page is `run-<name>`."""
    label: str
    press: Callable[[Visit], Awaitable[str | None]]
    """Returns the address for a redirect, or None to show the page again."""
    unavailable: Callable[[Playground, Session], str | None] = lambda _playground, _session: None
    """Returns why the button is disabled, or None when it is enabled."""
    primary: bool = False


class ResponseMode(Enum):
    """How a response is returned (OAuth 2.0 Multiple Response Type Encoding Practices 2.1, Form Post Response Mode)."""

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
    """Which kind of application needs another flow, and which one."""
    buttons: tuple[Button, ...]
    returns: Callable[[Playground], Mapping[str, ResponseMode]] = lambda _: {}
    """The callback paths of this server."""
