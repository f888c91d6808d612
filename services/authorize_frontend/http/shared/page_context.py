"""Data of the current request that the page layout needs: the links that change the language."""

from contextvars import ContextVar
from dataclasses import dataclass

from aiohttp import web

from libs.languages.language import LANGUAGES, Language, best
from libs.languages.translation import change_language

LANGUAGE = "language"
"""The query parameter that chooses a language."""
_UI_LOCALES = "ui_locales"


@dataclass(frozen=True)
class PageContext:
    """The context of one request.

    Args:
        here: path and query that show the same page again; empty if a GET cannot show it.
        chosen_for: id of the pending request at which the user chose the language.
    """

    here: str = ""
    chosen_for: str = ""


_NOWHERE = PageContext()
_current: ContextVar[PageContext] = ContextVar("visit", default=_NOWHERE)


def begin(page_context: PageContext) -> None:
    _current.set(page_context)


def apply_ui_locales(ui_locales: list[str], *, request_id: str) -> None:
    """Uses the ui_locales of the request (OpenID Connect Core 3.1.2.1), unless the user chose a language for it."""
    if _current.get().chosen_for != request_id and (language := best(ui_locales)):
        change_language(language)


def language_links() -> list[tuple[Language, str]]:
    """Returns each language with a link to the same page in it; empty if no link can show the page again."""
    here = _current.get().here
    return [(each, f"{here}{'&' if '?' in here else '?'}{LANGUAGE}={each.tag}") for each in LANGUAGES] if here else []


def here(request: web.Request) -> str:
    """Returns path and query that show this page again, without the language parameters.

    The path is the template of the matched route, so it holds no user input. Empty for /authorize, whose only page is
    an error page: the parameters of an erroneous request are not repeated.
    """
    resource = request.match_info.route.resource
    if resource is None or not any(route.method == "GET" for route in resource):
        return ""
    if resource.canonical.endswith("/authorize"):
        return ""
    pairs = request.rel_url.raw_query_string.split("&")
    kept = "&".join(pair for pair in pairs if pair and pair.partition("=")[0] not in {LANGUAGE, _UI_LOCALES})
    return resource.canonical + (f"?{kept}" if kept else "")
