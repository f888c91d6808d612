"""The language of a page: of ui_locales, else the one that the user chose, else the browser's Accept-Language.

The ui_locales of a pending request are applied when the request is read (`page_context.apply_ui_locales`). They take
precedence until the user chooses another language on a page of this request.
"""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from libs.languages import translation as use_language
from libs.languages.language import ENGLISH, Language, accepted, best, language_of
from services.authorize_frontend.http.shared import page_context
from services.authorize_frontend.http.shared.cookies import Cookies
from services.authorize_frontend.http.shared.edge import see_other
from services.authorize_frontend.http.shared.parameters import is_opaque


def languages(cookies: Cookies) -> Middleware:
    """Returns the middleware that sets the language. It runs before the error middleware, whose page needs it."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        here = page_context.here(request)
        chosen = language_of(request.query.get(page_context.LANGUAGE, ""))
        if chosen and here and request.method == "GET":
            return _remembered(cookies, chosen, request_id=request.query.get("request", ""), here=here)
        remembered, chosen_for = cookies.language(request)
        page_context.begin(page_context.PageContext(here, chosen_for))
        use_language.begin(_preferred(request, language_of(remembered)))
        return await handler(request)

    return middleware


def _remembered(cookies: Cookies, chosen: Language, *, request_id: str, here: str) -> web.Response:
    response = see_other(here)
    cookies.keep_language(response, chosen.tag, request_id if is_opaque(request_id) else "")
    return response


def _preferred(request: web.Request, remembered: Language | None) -> Language:
    ui_locale = best(request.query.get("ui_locales", "").split(" "))
    return ui_locale or remembered or accepted(request.headers.get("Accept-Language", "")) or ENGLISH
