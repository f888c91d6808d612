"""A person's profile: what applications may learn of them, and what of it they write themselves."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from google.protobuf.json_format import MessageToDict

from latchkey.authentication.v1.profile_pb2 import GetProfileRequest, GetProfileResponse, UpdateProfileRequest
from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from libs.languages.language import LANGUAGES
from services.authorize_frontend.http.account import profile_fields
from services.authorize_frontend.http.account.sign_in import sign_in_again
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import of_form, only

_PATH = "/account/profile"
_PURPOSE = "account-profile"


class AccountProfile:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._fields = profile_fields.fields_of(edge.site.attributes)

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path(_PATH)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        session = await self._edge.session(request)
        if not session.HasField("session"):
            return sign_in_again(self._edge, to=_PATH)
        profile = await self._profile(request)
        return self._page(request, session, profile, self._shown(profile))

    async def submit(self, request: web.Request) -> web.Response:
        """Writes what has changed, all of it or nothing; the service judges each value, and who may write it."""
        form = await of_form(request)
        request[RETRY] = self._edge.site.path(_PATH)
        self._edge.prove(request, form, purpose=_PURPOSE, subject="")
        if only(form, "choice") == "cancel":
            return see_other(self._edge.site.path("/account"))
        session = await self._edge.session(request)
        if not session.HasField("session"):
            return sign_in_again(self._edge, to=_PATH)
        profile, typed = await self._profile(request), profile_fields.typed(self._fields, form)
        message = UpdateProfileRequest(session_secret=self._edge.cookies.session(request) or "")
        message.claims.update(profile_fields.changes(self._fields, typed, _claims(profile), profile.writable))
        refused = (await self._edge.backends.profiles.UpdateProfile(message)).refused_claim
        if refused:
            return self._page(request, session, profile, typed, refused)
        return see_other(self._edge.site.path("/account", note="profile-changed"))

    async def _profile(self, request: web.Request) -> GetProfileResponse:
        secret = self._edge.cookies.session(request) or ""
        return await self._edge.backends.profiles.GetProfile(GetProfileRequest(session_secret=secret))

    def _shown(self, profile: GetProfileResponse) -> dict[str, str]:
        claims = _claims(profile)
        return {field.name: field.shown(claims) for field in self._fields}

    def _page(
        self,
        request: web.Request,
        session: GetSessionResponse,
        profile: GetProfileResponse,
        values: Mapping[str, str],
        refused: str = "",
    ) -> web.Response:
        browser_secret = self._edge.cookies.browser_or_new(request)
        claims = _claims(profile)
        response = self._edge.pages.page(
            "account_profile",
            form_action=("'self'",),
            person=session.display_name or session.username,
            username=session.username,
            email=claims.get("email", ""),
            email_verified=bool(claims.get("email_verified")),
            fields=[field for field in self._fields if field.claim in profile.writable],
            told=[field for field in self._fields if field.attribute and field.claim not in profile.writable],
            before=self._shown(profile),
            values=values,
            languages=_languages(values["locale"]),
            refused=refused,
            csrf=self._edge.form_token(request, purpose=_PURPOSE, subject="", browser_secret=browser_secret),
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response


def _languages(told: str) -> list[tuple[str, str]]:
    """Those that pages speak, and what is told already, which may be any tag."""
    known = [(language.tag, language.name) for language in LANGUAGES]
    return known if not told or told in dict(known) else [*known, (told, told)]


def _claims(profile: GetProfileResponse) -> dict[str, Any]:
    return MessageToDict(profile.claims)
