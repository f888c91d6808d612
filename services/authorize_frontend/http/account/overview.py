"""A person's own page: where they are signed in, and which applications they have let in."""

import asyncio
from datetime import UTC

from aiohttp import web
from google.protobuf.timestamp_pb2 import Timestamp

from latchkey.authentication.v1.factors_pb2 import ListFactorsRequest, ListFactorsResponse
from latchkey.authentication.v1.sessions_pb2 import (
    EndOwnSessionsRequest,
    GetSessionResponse,
    ListedSession,
    ListSessionsRequest,
)
from latchkey.token.v1.consents_pb2 import Connection, ListConnectionsRequest, WithdrawConsentRequest
from libs.languages.moments import moment_in_words
from libs.servicekit.http.addresses import remote_address
from services.authorize_frontend.http.account.factors import factors_on_page
from services.authorize_frontend.http.device.words import network
from services.authorize_frontend.http.shared.browsers import device_in_words
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.parameters import of_form, of_query, only
from services.authorize_frontend.http.shared.resource_words import resources_on_page

_PURPOSE = "account"
_NOTES = frozenset(
    {
        "session-ended",
        "sessions-ended",
        "application-removed",
        "password-changed",
        "factor-removed",
        "address-confirmed",
        "profile-changed",
    }
)


class Account:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def routes(self) -> list[web.RouteDef]:
        path = self._edge.site.path
        return [
            web.get(path("/account"), self.show, allow_head=False),
            web.post(path("/account/sessions"), self.end_session),
            web.post(path("/account/applications"), self.remove_application),
        ]

    async def show(self, request: web.Request) -> web.Response:
        session = await self._edge.session(request)
        secret = self._edge.cookies.session(request)
        if secret is None or not session.HasField("session"):
            return see_other(self._edge.site.path("/account/sign-in"))
        sessions, connections, factors = await asyncio.gather(
            self._edge.backends.sessions.ListSessions(ListSessionsRequest(session_secret=secret)),
            self._edge.backends.consents.ListConnections(ListConnectionsRequest(session=session.attested)),
            self._edge.backends.factors.ListFactors(ListFactorsRequest(session_secret=secret)),
        )
        return self._page(request, session, list(sessions.sessions), list(connections.connections), factors)

    async def end_session(self, request: web.Request) -> web.Response:
        """Ends one of the person's sessions, or with no id all but this browser's."""
        form = await of_form(request)
        session_id = only(form, "session")
        request[RETRY] = self._edge.site.path("/account")
        self._edge.prove(request, form, purpose=_PURPOSE, subject=f"session {session_id}")
        secret = self._edge.cookies.session(request) or ""
        await self._edge.backends.sessions.EndOwnSessions(
            EndOwnSessionsRequest(session_secret=secret, session_id=session_id)
        )
        return see_other(self._edge.site.path("/account", note="session-ended" if session_id else "sessions-ended"))

    async def remove_application(self, request: web.Request) -> web.Response:
        """Takes back what the person allowed an application."""
        form = await of_form(request)
        client_id = only(form, "application")
        request[RETRY] = self._edge.site.path("/account")
        self._edge.prove(request, form, purpose=_PURPOSE, subject=f"application {client_id}")
        session = await self._edge.session(request)
        if not session.HasField("attested"):
            return see_other(self._edge.site.path("/account/sign-in"))
        await self._edge.backends.consents.WithdrawConsent(
            WithdrawConsentRequest(session=session.attested, client_id=client_id)
        )
        return see_other(self._edge.site.path("/account", note="application-removed"))

    def _page(
        self,
        request: web.Request,
        session: GetSessionResponse,
        sessions: list[ListedSession],
        connections: list[Connection],
        factors: ListFactorsResponse,
    ) -> web.Response:
        browser_secret = self._edge.cookies.browser_or_new(request)

        def csrf(subject: str) -> str:
            return self._edge.form_token(request, purpose=_PURPOSE, subject=subject, browser_secret=browser_secret)

        own_address = remote_address(request, self._edge.trusted_proxies)
        note = only(of_query(request), "note")
        response = self._edge.pages.page(
            "account",
            form_action=("'self'",),
            person=session.display_name or session.username,
            username=session.username,
            note=note if note in _NOTES else "",
            sessions=[
                {
                    "id": each.session_id,
                    "is_current": each.is_current,
                    "since": _in_words(each.authenticated_at),
                    "seen": _in_words(each.last_seen_at),
                    "device": device_in_words(each.device),
                    "network": network(each.ip_prefix, own_address=own_address),
                    "csrf": csrf(f"session {each.session_id}"),
                }
                for each in sessions
            ],
            csrf_of_all=csrf("session "),
            **factors_on_page(self._edge, request, factors, browser_secret),
            applications=[
                {
                    "id": each.client_id,
                    "name": each.client_name,
                    "logo": self._edge.site.path(f"/logo/{each.client_id}") if each.logo_uri else "",
                    "scopes": list(each.scopes),
                    "resources": resources_on_page(each.resources),
                    "since": _in_words(each.allowed_at),
                    "csrf": csrf(f"application {each.client_id}"),
                }
                for each in connections
            ],
        )
        self._edge.cookies.keep_browser(request, response, browser_secret)
        return response


def _in_words(moment: Timestamp) -> str:
    return moment_in_words(moment.ToDatetime(tzinfo=UTC))
