"""Which language a page speaks: what the request says, else what the person chose, else what the browser prefers.

What a client said in its request for sign-in is known once that has been read (`visit.heed`); it comes first as well,
until the person chooses another language on one of the pages about this very request.
"""

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from libs.languages import speaking
from libs.languages.language import ENGLISH, Language, accepted, best, language_of
from services.authorize_frontend.http.shared import visit
from services.authorize_frontend.http.shared.cookies import Cookies
from services.authorize_frontend.http.shared.edge import see_other
from services.authorize_frontend.http.shared.parameters import is_opaque


def languages(cookies: Cookies) -> Middleware:
    """Outside of everything that shows a page, the error page among it."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        here = visit.here(request)
        chosen = language_of(request.query.get(visit.LANGUAGE, ""))
        if chosen and here and request.method == "GET":
            return _remembered(cookies, chosen, request_id=request.query.get("request", ""), here=here)
        remembered, chosen_for = cookies.language(request)
        visit.begin(visit.Visit(here, chosen_for))
        speaking.begin(_wanted(request, language_of(remembered)))
        return await handler(request)

    return middleware


def _remembered(cookies: Cookies, chosen: Language, *, request_id: str, here: str) -> web.Response:
    response = see_other(here)
    cookies.keep_language(response, chosen.tag, request_id if is_opaque(request_id) else "")
    return response


def _wanted(request: web.Request, remembered: Language | None) -> Language:
    asked = best(request.query.get("ui_locales", "").split(" "))
    return asked or remembered or accepted(request.headers.get("Accept-Language", "")) or ENGLISH
