"""The profile page: the claims of the user, and the form that changes those that the user may change."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aiohttp import web
from google.protobuf.json_format import MessageToDict

from latchkey.authentication.v1.profile_pb2 import GetProfileRequest, GetProfileResponse, UpdateProfileRequest
from latchkey.authentication.v1.sessions_pb2 import GetSessionResponse
from libs.languages.language import LANGUAGES
from services.authorize_frontend.http.account import profile_fields
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import of_form, single_value
from services.authorize_frontend.http.shared.recent_sign_in import redirect_to_sign_in

_PATH = "/account/profile"
_PURPOSE = "account-profile"


@dataclass(frozen=True, kw_only=True)
class AccountProfile:
    edge: Edge

    @cached_property
    def fields(self) -> list[profile_fields.Field]:
        return profile_fields.fields_of(self.edge.site.attributes)

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path(_PATH)
        return [web.get(path, self.show, allow_head=False), web.post(path, self.submit)]

    async def show(self, request: web.Request) -> web.Response:
        session = await self.edge.session(request)
        if not session.HasField("session"):
            return redirect_to_sign_in(self.edge, to=_PATH)
        profile = await self._profile(request)
        return self._page(request, session, profile, self._values(profile))

    async def submit(self, request: web.Request) -> web.Response:
        """Saves all changed claims or none. Authentication validates each value and whether the user may change it."""
        form = await of_form(request)
        request[RETRY] = self.edge.site.path(_PATH)
        self.edge.verify_form(request, form, purpose=_PURPOSE, subject="")
        if single_value(form, "choice") == "cancel":
            return see_other(self.edge.site.path("/account"))
        session = await self.edge.session(request)
        if not session.HasField("session"):
            return redirect_to_sign_in(self.edge, to=_PATH)
        profile, typed = await self._profile(request), profile_fields.typed(self.fields, form)
        message = UpdateProfileRequest(session_secret=self.edge.cookies.session(request) or "")
        message.claims.update(profile_fields.changes(self.fields, typed, _claims(profile), profile.writable))
        refused = (await self.edge.backends.profiles.UpdateProfile(message)).refused_claim
        if refused:
            return self._page(request, session, profile, typed, refused)
        return see_other(self.edge.site.path("/account", note="profile-changed"))

    async def _profile(self, request: web.Request) -> GetProfileResponse:
        secret = self.edge.cookies.session(request) or ""
        return await self.edge.backends.profiles.GetProfile(GetProfileRequest(session_secret=secret))

    def _values(self, profile: GetProfileResponse) -> dict[str, str]:
        claims = _claims(profile)
        return {field.name: field.text(claims) for field in self.fields}

    def _page(
        self,
        request: web.Request,
        session: GetSessionResponse,
        profile: GetProfileResponse,
        values: Mapping[str, str],
        refused: str = "",
    ) -> web.Response:
        claims = _claims(profile)
        return self.edge.form_page(
            request,
            "account_profile",
            purpose=_PURPOSE,
            display_name=session.display_name or session.username,
            username=session.username,
            email=claims.get("email", ""),
            email_verified=bool(claims.get("email_verified")),
            fields=[field for field in self.fields if field.claim in profile.writable],
            read_only=[field for field in self.fields if field.attribute and field.claim not in profile.writable],
            before=self._values(profile),
            values=values,
            languages=_languages(values["locale"]),
            refused=refused,
        )


def _languages(stored: str) -> list[tuple[str, str]]:
    """Returns (tag, name) of the languages of the pages, and of the stored one, which may be any tag."""
    known = [(language.tag, language.name) for language in LANGUAGES]
    return known if not stored or stored in dict(known) else [*known, (stored, stored)]


def _claims(profile: GetProfileResponse) -> dict[str, Any]:
    return MessageToDict(profile.claims)
