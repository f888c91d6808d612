"""The account page: sessions, connected apps and second factors."""

import asyncio
from dataclasses import dataclass
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
from services.authorize_frontend.http.shared.browsers import device_in_words
from services.authorize_frontend.http.shared.edge import RETRY, Edge, see_other
from services.authorize_frontend.http.shared.networks import network
from services.authorize_frontend.http.shared.parameters import of_form, of_query, single_value
from services.authorize_frontend.http.shared.resources import resources_on_page

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


@dataclass(frozen=True, kw_only=True)
class Account:
    edge: Edge

    def routes(self) -> list[web.RouteDef]:
        path = self.edge.site.path
        return [
            web.get(path("/account"), self.show, allow_head=False),
            web.post(path("/account/sessions"), self.end_session),
            web.post(path("/account/applications"), self.remove_application),
        ]

    async def show(self, request: web.Request) -> web.Response:
        session = await self.edge.session(request)
        secret = self.edge.cookies.session(request)
        if secret is None or not session.HasField("session"):
            return see_other(self.edge.site.path("/account/sign-in"))
        sessions, connections, factors = await asyncio.gather(
            self.edge.backends.sessions.ListSessions(ListSessionsRequest(session_secret=secret)),
            self.edge.backends.consents.ListConnections(ListConnectionsRequest(session=session.attested)),
            self.edge.backends.factors.ListFactors(ListFactorsRequest(session_secret=secret)),
        )
        return self._page(request, session, list(sessions.sessions), list(connections.connections), factors)

    async def end_session(self, request: web.Request) -> web.Response:
        """Ends one session of the user, or without an id all sessions but that of this browser."""
        form = await of_form(request)
        session_id = single_value(form, "session")
        request[RETRY] = self.edge.site.path("/account")
        self.edge.verify_form(request, form, purpose=_PURPOSE, subject=f"session {session_id}")
        secret = self.edge.cookies.session(request) or ""
        await self.edge.backends.sessions.EndOwnSessions(
            EndOwnSessionsRequest(session_secret=secret, session_id=session_id)
        )
        return see_other(self.edge.site.path("/account", note="session-ended" if session_id else "sessions-ended"))

    async def remove_application(self, request: web.Request) -> web.Response:
        """Withdraws the user's consent to a client."""
        form = await of_form(request)
        client_id = single_value(form, "application")
        request[RETRY] = self.edge.site.path("/account")
        self.edge.verify_form(request, form, purpose=_PURPOSE, subject=f"application {client_id}")
        session = await self.edge.session(request)
        if not session.HasField("attested"):
            return see_other(self.edge.site.path("/account/sign-in"))
        await self.edge.backends.consents.WithdrawConsent(
            WithdrawConsentRequest(session=session.attested, client_id=client_id)
        )
        return see_other(self.edge.site.path("/account", note="application-removed"))

    def _page(
        self,
        request: web.Request,
        session: GetSessionResponse,
        sessions: list[ListedSession],
        connections: list[Connection],
        factors: ListFactorsResponse,
    ) -> web.Response:
        browser_secret = self.edge.cookies.browser_or_new(request)

        def csrf(subject: str) -> str:
            return self.edge.form_token(request, purpose=_PURPOSE, subject=subject, browser_secret=browser_secret)

        own_address = remote_address(request, self.edge.trusted_proxies)
        note = single_value(of_query(request), "note")
        response = self.edge.pages.page(
            "account",
            form_action=("'self'",),
            display_name=session.display_name or session.username,
            username=session.username,
            note=note if note in _NOTES else "",
            sessions=[
                {
                    "id": each.session_id,
                    "is_current": each.is_current,
                    "since": _moment(each.authenticated_at),
                    "seen": _moment(each.last_seen_at),
                    "device": device_in_words(each.device),
                    "network": network(each.ip_prefix, own_address=own_address),
                    "csrf": csrf(f"session {each.session_id}"),
                }
                for each in sessions
            ],
            csrf_of_all=csrf("session "),
            **factors_on_page(self.edge, request, factors, browser_secret),
            applications=[
                {
                    "id": each.client_id,
                    "name": each.client_name,
                    "checked": not each.self_registered,
                    "logo": self.edge.site.path(f"/logo/{each.client_id}") if each.logo_uri else "",
                    "scopes": list(each.scopes),
                    "resources": resources_on_page(each.resources),
                    "since": _moment(each.allowed_at),
                    "csrf": csrf(f"application {each.client_id}"),
                }
                for each in connections
            ],
        )
        self.edge.cookies.keep_browser(request, response, browser_secret)
        return response


def _moment(moment: Timestamp) -> str:
    return moment_in_words(moment.ToDatetime(tzinfo=UTC))
