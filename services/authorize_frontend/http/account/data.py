"""Taking along what is known of oneself, and ending one's account."""

import asyncio
import json
from typing import Any

from aiohttp import web
from google.protobuf.json_format import MessageToDict

from latchkey.authentication.v1.profile_pb2 import DeleteAccountRequest, ExportAccountRequest
from latchkey.token.v1.consents_pb2 import ExportConsentsRequest
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from services.authorize_frontend.http.account.sign_in import recent_session, sign_in_again
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import of_form, only

_DATA, _DELETE, _DELETED = "/account/data", "/account/delete", "/account-deleted"
_DATA_FORM, _DELETE_FORM = "account-data", "account-delete"


class AccountData:
    """Both take a recent sign-in: an open browser is not its owner."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path
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
        """Everything that the services hold of the person, as one JSON document."""
        form = await of_form(request)
        request[RETRY] = self._edge.site.path(_DATA)
        self._edge.prove(request, form, purpose=_DATA_FORM, subject="")
        session = await recent_session(self._edge, request)
        if session is None:
            return sign_in_again(self._edge, to=_DATA)
        secret = self._edge.cookies.session(request) or ""
        account, consents = await asyncio.gather(
            self._edge.backends.profiles.ExportAccount(ExportAccountRequest(session_secret=secret)),
            self._edge.backends.consents.ExportConsents(ExportConsentsRequest(session=session.attested)),
        )
        data = {"account": MessageToDict(account.account), "applications": MessageToDict(consents.consents)}
        return web.Response(
            body=json.dumps(data, indent=1, ensure_ascii=False).encode(),
            content_type="application/json",
            headers={"Content-Disposition": 'attachment; filename="account.json"'},
        )

    async def show_delete(self, request: web.Request) -> web.Response:
        return await self._page(request, "account_delete", at=_DELETE, form=_DELETE_FORM, problem=False)

    async def delete(self, request: web.Request) -> web.Response:
        """For good. The service judges whether the sign-in is recent, and whether the typed name is the account's."""
        form = await of_form(request)
        request[RETRY] = self._edge.site.path(_DELETE)
        self._edge.prove(request, form, purpose=_DELETE_FORM, subject="")
        if only(form, "choice") != "delete":
            return see_other(self._edge.site.path("/account"))
        message = DeleteAccountRequest(
            session_secret=self._edge.cookies.session(request) or "",
            username=only(form, "username"),
            context=self._edge.context(request),
        )
        try:
            await self._edge.backends.profiles.DeleteAccount(message)
        except InvalidRequest as error:
            if error.reason != Reason.USERNAME_MISMATCH:
                raise
            return await self._page(request, "account_delete", at=_DELETE, form=_DELETE_FORM, problem=True)
        response = see_other(self._edge.site.path(_DELETED))
        self._edge.cookies.forget(response)
        return response

    async def deleted(self, _request: web.Request) -> web.Response:
        return self._edge.pages.page("account_deleted")

    async def _page(self, request: web.Request, page: str, *, at: str, form: str, **values: Any) -> web.Response:
        session = await recent_session(self._edge, request)
        if session is None:
            return sign_in_again(self._edge, to=at)
        browser_secret = self._edge.cookies.browser_or_new(request)
        response = self._edge.pages.page(
            page,
            form_action=("'self'",),
            person=session.display_name or session.username,
            username=session.username,
            csrf=self._edge.form_token(request, purpose=form, subject="", browser_secret=browser_secret),
            **values,
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response
