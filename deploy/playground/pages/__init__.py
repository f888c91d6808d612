"""The page, from templates; everything in it is escaped."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web
from markupsafe import Markup

from deploy.playground import claim_words, event_words
from deploy.playground.config import Playground
from deploy.playground.event_feed import EventFeed
from deploy.playground.flows.flow import Flow
from deploy.playground.sessions import Session
from latchkey_sdk import Event

_FOLDER = Path(__file__).parent
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Pages:
    """Renders the page and the pieces that the event feed adds to it."""

    def __init__(self, playground: Playground, flows: Sequence[Flow], feed: EventFeed) -> None:
        self._playground = playground
        self._flows = flows
        self._feed = feed
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self._templates.filters["json"] = partial(json.dumps, indent=2, ensure_ascii=False)
        self._templates.filters["compact"] = partial(json.dumps, ensure_ascii=False)
        self._templates.filters["prose"] = prose
        self._templates.globals.update(event_sentence=event_words.explain, library=f"Authlib {version('authlib')}")

    def home(self, session: Session, *, now: datetime, wanted: str | None) -> web.Response:
        """The whole page, as this browser sees it now."""
        cards = [
            {
                "flow": flow,
                "runs": session.runs_of(flow.name),
                "shown": session.shown(flow.name, wanted),
                "unavailable": {button.name: button.unavailable(self._playground, session) for button in flow.buttons},
            }
            for flow in self._flows
        ]
        return self.page(
            "home.html",
            playground=self._playground,
            users=list(session.users.values()),
            refresh=_next_look(session, now=now),
            cards=cards,
            events=list(reversed(self._feed.recent)),
            trouble=self._feed.trouble,
            explain_claim=partial(claim_words.explain, now=now),
        )

    def page(self, template: str, **content: Any) -> web.Response:
        """A page from its template."""
        text = self._templates.get_template(template).render(**content)
        return web.Response(text=text, content_type="text/html", charset="utf-8")

    def event(self, event: Event) -> str:
        """One entry of the event feed."""
        return self._templates.get_template("event.html").render(event=event)


@dataclass(frozen=True)
class _Refresh:
    """An automatic reload of the page.

    `moment` changes the URL: for an unchanged URL with a fragment, browsers only scroll.
    """

    seconds: int
    moment: int
    flow: str


def _next_look(session: Session, *, now: datetime) -> _Refresh | None:
    """When the page reloads for the next poll; None unless the latest run is polling."""
    latest = session.runs[-1].flow if session.runs else ""
    waiting = session.waiting.get(latest)
    if waiting is None:
        return None
    return _Refresh(max(1, ceil((waiting.due - now).total_seconds())), int(now.timestamp()), latest)


def prose(text: str) -> Markup:
    """Prose in which `what stands between backticks` is code; everything is escaped."""
    pieces = text.split("`")
    return Markup().join(Markup("<code>{}</code>").format(one) if at % 2 else one for at, one in enumerate(pieces))


def _asset(file: Path) -> Callable[[web.Request], Awaitable[web.Response]]:
    content = file.read_bytes()

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(
            body=content,
            content_type=_TYPES[file.suffix],
            charset="utf-8",
            headers={"Cache-Control": "no-cache"},
        )

    return serve


ASSETS: dict[str, Any] = {file.name: _asset(file) for file in _FOLDER.iterdir() if file.suffix in _TYPES}
"""The style sheet, the script and the mark, by file name."""
