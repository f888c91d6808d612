"""Browser sessions of the playground: in memory, identified by a random cookie."""

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deploy.playground.config import Application
from deploy.playground.relying_party import RelyingParty
from deploy.playground.transcript import Run

COOKIE = "latchkey-playground"
_MAX_SESSIONS = 200
_MAX_RUNS = 12
_MAX_PENDING = 10


Resume = Callable[[Mapping[str, str]], Awaitable[None]]
"""Continues a flow with the response that the browser brought."""


@dataclass(frozen=True)
class Pending:
    """A run whose response is pending."""

    run: Run
    resume: Resume


@dataclass
class Waiting:
    """A run that polls when the page loads and the interval is over."""

    due: datetime
    again: Callable[[datetime], Awaitable[datetime | None]]
    """Polls once. Returns the time of the next poll, or None when polling is over."""


@dataclass
class SignedIn:
    """A user who is signed in to one of the applications."""

    application: Application
    party: RelyingParty
    tokens: dict[str, Any]
    claims: dict[str, Any]
    """Of the ID token."""
    profile: dict[str, Any] = field(default_factory=dict)
    """Of the userinfo endpoint."""

    @property
    def user(self) -> str:
        """The display name from the claims, with the username if there is one."""
        known = {**self.claims, **self.profile}
        name = next(str(known[claim]) for claim in ("name", "preferred_username", "email", "sub") if known.get(claim))
        username = known.get("preferred_username", name)
        return name if username == name else f"{name} ({username})"


@dataclass
class Session:
    """One browser."""

    id: str
    runs: list[Run] = field(default_factory=list)
    pending: dict[str, Pending] = field(default_factory=dict)
    """Pending runs by the `state` of the request."""
    waiting: dict[str, Waiting] = field(default_factory=dict)
    """Polling runs by the name of their flow."""
    users: dict[str, SignedIn] = field(default_factory=dict)
    """Signed-in users by client id."""

    def start(self, flow: str, title: str, *, now: datetime) -> Run:
        """Begin a run. Removes the oldest runs above the limit."""
        run = Run(flow, title, now)
        self.runs.append(run)
        del self.runs[:-_MAX_RUNS]
        return run

    def expect(self, state: str, run: Run, resume: Resume) -> None:
        """Store how to continue when a response with this `state` arrives. Removes the oldest above the limit."""
        self.pending[state] = Pending(run, resume)
        for oldest in list(self.pending)[:-_MAX_PENDING]:
            del self.pending[oldest]

    def take(self, state: str) -> Pending | None:
        """Remove and return the pending run of this `state`, and make it the latest run."""
        pending = self.pending.pop(state, None)
        if pending:
            self.runs = [run for run in self.runs if run is not pending.run] + [pending.run]
        return pending

    def shown(self, flow: str, wanted: str | None) -> Run | None:
        """The run of a flow that the page shows: the wanted one, or the latest."""
        runs = self.runs_of(flow)
        return next((run for run in runs if run.id == wanted), runs[0] if runs else None)

    def runs_of(self, flow: str) -> list[Run]:
        """The runs of a flow, the latest first."""
        return [run for run in reversed(self.runs) if run.flow == flow]


class Sessions:
    """All sessions, the least recently used forgotten first."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def find(self, cookie: str | None) -> Session | None:
        """Return the session of the cookie value, or None."""
        session = self._sessions.get(cookie or "")
        if session:
            self._sessions.move_to_end(session.id)
        return session

    def create(self) -> Session:
        """Create a session with a random id."""
        session = Session(secrets.token_urlsafe(32))
        self._sessions[session.id] = session
        while len(self._sessions) > _MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def renew(self, session: Session) -> None:
        """Give the session a new id, against session fixation."""
        self._sessions.pop(session.id, None)
        session.id = secrets.token_urlsafe(32)
        self._sessions[session.id] = session
