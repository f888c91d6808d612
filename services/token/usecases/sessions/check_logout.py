"""A logout request: who asks, is it sure, where to go afterwards (OpenID Connect RP-Initiated Logout 1.0, 2 and 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from libs.crypto.errors import InvalidJwt
from libs.oauth.errors import InvalidRequest
from libs.oauth.logout_uris import with_session
from libs.oauth.parameters import Pair, Parameters
from libs.oauth.reasons import Reason
from libs.servicekit.base.clock import Clock
from services.token.domain.clients.client import Client
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.domain.tokens.subjects import Subjects
from services.token.ports.clients import ClientDirectory
from services.token.ports.tokens import Keys
from services.token.ports.work import View
from services.token.usecases.tokens.verify_id_token_hint import verify_id_token_hint

MAX_FRAMES = 40
"""A page can hold more, a policy header hardly. Who has signed in to more applications closes the browser as well."""


@dataclass(frozen=True)
class LogoutDecision:
    """`confirmed`: the hint was issued in this session, so no confirmation page is needed."""

    client_name: str
    redirect_uri: str
    confirmed: bool
    frontchannel_uris: tuple[str, ...] = ()
    """What the browser loads once the session has ended: of the clients that this session has signed in."""
    self_registered: bool = False
    """The client chose its name itself."""


@dataclass(frozen=True, kw_only=True)
class CheckLogout:
    view: View
    issuer: str
    clients: ClientDirectory
    keys: Keys
    subjects: Subjects
    clock: Clock

    async def __call__(self, pairs: Sequence[Pair], session: AuthenticatedSession | None) -> LogoutDecision:
        """What may be done.

        A hint of another session does not end the session without confirmation; nor does a hint whose signing key is
        gone, which leads to a redirect only if `client_id` names the client.

        Raises:
            InvalidRequest: not redirectable; a hint that is not ours, an unknown client, or an unregistered URI.
        """
        try:
            parameters = Parameters.once(pairs)
        except InvalidRequest as error:
            raise _refused(error.description, Reason(error.reason)) from None
        hint = self._verified_hint(parameters.get("id_token_hint"))
        client = await self._client(parameters, hint)
        of_retired_key = client is None and "id_token_hint" in parameters
        return LogoutDecision(
            client_name=client.metadata.client_name or client.client_id if client else "",
            redirect_uri="" if of_retired_key else _redirect_uri(parameters, client),
            confirmed=self._is_of(hint, client, session),
            frontchannel_uris=() if session is None else await self._frontchannel_uris(session.session_id),
            self_registered=client is not None and client.registration is not None,
        )

    async def _frontchannel_uris(self, session_id: str) -> tuple[str, ...]:
        """OpenID Connect Front-Channel Logout 1.0, 2: always with `iss` and `sid`. One read."""
        async with self.view() as view:
            client_ids = await view.session_clients.of(session_id)
        found = [await self.clients.find(client_id) for client_id in client_ids]
        loaded = [
            with_session(
                client.metadata.frontchannel_logout_uri,
                issuer=self.issuer,
                session_id=self.subjects.sid(client, session_id),
            )
            for client in found
            if client is not None and client.metadata.frontchannel_logout_uri
        ]
        return tuple(loaded[:MAX_FRAMES])

    def _is_of(self, hint: dict[str, Any] | None, client: Client | None, session: AuthenticatedSession | None) -> bool:
        """Is the hint, which its own client was given, of this very session?

        An ID token without `sid` names the session by its user and the time of the sign-in.
        """
        if hint is None or client is None or session is None:
            return False
        if "sid" in hint:
            return bool(hint["sid"] == self.subjects.sid(client, session.session_id))
        signed_in = (self.subjects.sub(client, session.user_id), int(session.authenticated_at.timestamp()))
        return (hint["sub"], hint.get("auth_time")) == signed_in

    def _verified_hint(self, hint: str | None) -> dict[str, Any] | None:
        if hint is None:
            return None
        try:
            return verify_id_token_hint(hint, self.keys, issuer=self.issuer, now=self.clock.now())
        except InvalidJwt as error:
            if error.reason == Reason.KEY_UNKNOWN:
                return None  # ID tokens outlive the signing keys: the user is asked instead
            raise _refused(
                "id_token_hint is not a valid ID token issued by this server.", Reason(error.reason)
            ) from None

    async def _client(self, parameters: Parameters, hint: dict[str, Any] | None) -> Client | None:
        named = parameters.get("client_id")
        hinted = str(hint["aud"]) if hint is not None else None
        if named is not None and hinted is not None and named != hinted:
            raise _refused("client_id does not match the audience of id_token_hint.", Reason.LOGOUT_CLIENT_MISMATCH)
        client_id = hinted or named
        if client_id is None:
            return None
        client = await self.clients.find(client_id)
        if client is None:
            raise _refused("client_id is unknown.", Reason.CLIENT_UNKNOWN)
        return client


def _redirect_uri(parameters: Parameters, client: Client | None) -> str:
    """The registered URI with `state`, or nothing when the request names none."""
    uri = parameters.get("post_logout_redirect_uri")
    if uri is None:
        return ""
    if client is None:
        raise _refused("post_logout_redirect_uri requires id_token_hint or client_id.", Reason.LOGOUT_CLIENT_MISSING)
    if not client.has_post_logout_redirect_uri(uri):
        raise _refused(
            "post_logout_redirect_uri does not match a registered post-logout redirect URI.",
            Reason.LOGOUT_URI_UNREGISTERED,
        )
    state = parameters.get("state")
    if state is None:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode({'state': state}, quote_via=quote)}"


def _refused(description: str, reason: Reason) -> InvalidRequest:
    return InvalidRequest(description, reason=reason, redirectable=False)
