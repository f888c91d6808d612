"""The pages that download the user's data and delete the account."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from google.protobuf.json_format import MessageToDict

from latchkey.authentication.v1.profile_pb2 import DeleteAccountRequest, ExportAccountRequest
from latchkey.token.v1.consents_pb2 import ExportConsentsRequest
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import of_form, single_value
from services.authorize_frontend.http.shared.recent_sign_in import recent_session, redirect_to_sign_in
from services.authorize_frontend.http.shared.refusals import Refusals

_DATA, _DELETE, _DELETED = "/account/data", "/account/delete", "/account-deleted"
_DATA_FORM, _DELETE_FORM = "account-data", "account-delete"
_REFUSALS: Final = Refusals(
    rpc="DeleteAccount",
    shown={Reason.USERNAME_MISMATCH: "username"},
    passed_on=frozenset({Reason.SESSION_MISSING, Reason.REAUTHENTICATION_REQUIRED}),
)


@dataclass(frozen=True, kw_only=True)
class AccountData:
    """Both need a recent sign-in: a session in an open browser does not prove that its owner uses it."""

    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path
        return [
            web.get(path(_DATA), self.show_data, allow_head=False),
            web.post(path(_DATA), self.download),
            web.get(path(_DELETE), self.show_delete, allow_head=False),
            web.post(path(_DELETE), self.delete),
            web.get(path(_DELETED), self.deleted, allow_head=False),
        ]

    async def show_data(self, request: web.Request) -> web.Response:
        return await self._page(request, "account_data", at=_DATA, form=_DATA_FORM)

    async def download(self, request: web.Request) -> web.Response:
        """Responds with all data that the services store about the user, as one JSON document."""
        form = await of_form(request)
        request[RETRY] = self.edge.site.path(_DATA)
        self.edge.verify_form(request, form, purpose=_DATA_FORM, subject="")
        session = await recent_session(self.edge, request)
        if session is None:
            return redirect_to_sign_in(self.edge, to=_DATA)
        secret = self.edge.cookies.session(request) or ""
        account, consents = await asyncio.gather(
            self.edge.backends.profiles.ExportAccount(ExportAccountRequest(session_secret=secret)),
            self.edge.backends.consents.ExportConsents(ExportConsentsRequest(session=session.attested)),
        )
        data = {"account": MessageToDict(account.account), "applications": MessageToDict(consents.consents)}
        return web.Response(
            body=json.dumps(data, indent=1, ensure_ascii=False).encode(),
            content_type="application/json",
            headers={"Content-Disposition": 'attachment; filename="account.json"'},
        )

    async def show_delete(self, request: web.Request) -> web.Response:
        return await self._page(request, "account_delete", at=_DELETE, form=_DELETE_FORM, problem="")

    async def delete(self, request: web.Request) -> web.Response:
        """Deletes the account. Authentication checks that the sign-in is recent and the username correct."""
        form = await of_form(request)
        request[RETRY] = self.edge.site.path(_DELETE)
        self.edge.verify_form(request, form, purpose=_DELETE_FORM, subject="")
        if single_value(form, "choice") != "delete":
            return see_other(self.edge.site.path("/account"))
        message = DeleteAccountRequest(
            session_secret=self.edge.cookies.session(request) or "",
            username=single_value(form, "username"),
            context=self.edge.context(request),
        )
        try:
            await self.edge.backends.profiles.DeleteAccount(message)
        except InvalidRequest as error:
            problem = _REFUSALS.shown_for(error)
            return await self._page(request, "account_delete", at=_DELETE, form=_DELETE_FORM, problem=problem)
        response = see_other(self.edge.site.path(_DELETED))
        self.edge.cookies.delete_all(response)
        return response

    async def deleted(self, _request: web.Request) -> web.Response:
        return self.edge.pages.page("account_deleted")

    async def _page(self, request: web.Request, page: str, *, at: str, form: str, **values: Any) -> web.Response:
        session = await recent_session(self.edge, request)
        if session is None:
            return redirect_to_sign_in(self.edge, to=at)
        return self.edge.form_page(
            request,
            page,
            purpose=form,
            display_name=session.display_name or session.username,
            username=session.username,
            **values,
        )
