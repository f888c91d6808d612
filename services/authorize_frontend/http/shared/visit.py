"""What pages have to know of the request that they answer, beside their own values."""

from contextvars import ContextVar
from dataclasses import dataclass

from aiohttp import web

from libs.languages.language import LANGUAGES, Language, best
from libs.languages.speaking import speak

LANGUAGE = "language"
"""The parameter of a link that chooses one."""
_UI_LOCALES = "ui_locales"


@dataclass(frozen=True)
class Visit:
    """`here`: path and query that show the same page again, empty when none does; `chosen_for`: the pending request at
    which this person chose the language themselves.
    """

    here: str = ""
    chosen_for: str = ""


_NOWHERE = Visit()
_current: ContextVar[Visit] = ContextVar("visit", default=_NOWHERE)


def begin(visit: Visit) -> None:
    _current.set(visit)


def heed(ui_locales: list[str], *, request_id: str) -> None:
    """Speaks what a client says that the person prefers (OpenID Connect Core 3.1.2.1), unless they chose here."""
    if _current.get().chosen_for != request_id and (language := best(ui_locales)):
        speak(language)


def language_links() -> list[tuple[Language, str]]:
    """The same page in each language; none where it cannot be had again by a link."""
    here = _current.get().here
    return [(each, f"{here}{'&' if '?' in here else '?'}{LANGUAGE}={each.tag}") for each in LANGUAGES] if here else []


def here(request: web.Request) -> str:
    """Path and query that show this page again, by the path that was matched: never what a stranger typed.

    Without what it says of languages: that has been heeded, or somebody has just chosen another. Nothing for
    /authorize, which shows errors only: of what a client sent there in error, nothing is repeated.
    """
    resource = request.match_info.route.resource
    if resource is None or not any(route.method == "GET" for route in resource):
        return ""
    if resource.canonical.endswith("/authorize"):
        return ""
    pairs = request.rel_url.raw_query_string.split("&")
    kept = "&".join(pair for pair in pairs if pair and pair.partition("=")[0] not in {LANGUAGE, _UI_LOCALES})
    return resource.canonical + (f"?{kept}" if kept else "")
