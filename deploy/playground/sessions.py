"""Who is using the playground: sessions in memory, found by a random cookie and forgotten at the end of the process."""

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
_MOST_SESSIONS = 200
_MOST_RUNS = 12
_MOST_PENDING = 10


Resume = Callable[[Mapping[str, str]], Awaitable[None]]
"""Goes on with a flow once the browser has brought the answer."""


@dataclass(frozen=True)
class Pending:
    """A run that waits for the browser to come back."""

    run: Run
    resume: Resume


@dataclass
class Waiting:
    """A run that asks again whenever it is time and somebody looks at the page."""

    due: datetime
    again: Callable[[datetime], Awaitable[datetime | None]]
    """Asks once; when to ask next, or None when there is nothing more to ask."""


@dataclass
class SignedIn:
    """A person signed in to one of the applications."""

    application: Application
    party: RelyingParty
    tokens: dict[str, Any]
    claims: dict[str, Any]
    """Of the ID token."""
    profile: dict[str, Any] = field(default_factory=dict)
    """Of the userinfo endpoint."""

    @property
    def person(self) -> str:
        """The friendliest name that the server told, with the username where there is one."""
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
    """What goes on when the browser comes back, by the `state` that the answer must carry."""
    waiting: dict[str, Waiting] = field(default_factory=dict)
    """What goes on by itself, by the name of its flow."""
    people: dict[str, SignedIn] = field(default_factory=dict)
    """Who is signed in, by the client id of the application."""

    def start(self, flow: str, title: str, *, now: datetime) -> Run:
        """Begin a run; the oldest one is forgotten when there are too many."""
        run = Run(flow, title, now)
        self.runs.append(run)
        del self.runs[:-_MOST_RUNS]
        return run

    def expect(self, state: str, run: Run, resume: Resume) -> None:
        """Remember what to do when the browser comes back with this `state`; the oldest are forgotten."""
        self.pending[state] = Pending(run, resume)
        for oldest in list(self.pending)[:-_MOST_PENDING]:
            del self.pending[oldest]

    def take(self, state: str) -> Pending | None:
        """What waits for this `state`, once; its run is the latest one again."""
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
        """The session that the cookie names."""
        session = self._sessions.get(cookie or "")
        if session:
            self._sessions.move_to_end(session.id)
        return session

    def create(self) -> Session:
        """A new session, whose id nobody can guess."""
        session = Session(secrets.token_urlsafe(32))
        self._sessions[session.id] = session
        while len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def renew(self, session: Session) -> None:
        """Give the session a new id, so that an id known before the sign-in is worth nothing after it."""
        self._sessions.pop(session.id, None)
        session.id = secrets.token_urlsafe(32)
        self._sessions[session.id] = session
