"""The password grant (RFC 6749 4.3). RFC 9700 2.4 forbids it; it is here for what cannot be
changed any more: off unless a client is registered for it, and for confidential clients only.
"""

from dataclasses import dataclass
from datetime import datetime

from libs.crypto.random import uuid7
from libs.oauth.client_metadata import CONSENT_SKIP, PASSWORD
from libs.oauth.errors import InvalidGrant, InvalidRequest
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from libs.oauth.scopes import OFFLINE_ACCESS, OPENID, parse_scope
from services.token.domain.clients.client import Client
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.domain.tokens.audiences import requested_resources
from services.token.domain.tokens.grants import Grant
from services.token.domain.tokens.token_claims import AccessToken, Lifetimes
from services.token.ports.tokens import SignIns
from services.token.ports.work import Begin, View
from services.token.usecases.tokens.grants.new_grant import keep_grant
from services.token.usecases.tokens.issue_tokens import Authorized


@dataclass(frozen=True, kw_only=True)
class PasswordGrant:
    """The same sign-in as on the page, with its limits; the session that it starts can be ended like any other."""

    begin: Begin
    view: View
    sign_ins: SignIns
    chain_key: bytes
    lifetimes: Lifetimes

    async def __call__(self, parameters: Parameters, client: Client, *, now: datetime) -> Authorized:
        """Raises InvalidGrant for a wrong password and for a user who has not consented.

        InvalidScope, InvalidTarget when the client has not registered a scope or a resource; TemporarilyUnavailable
        with a retry time when there were too many failures.
        """
        missing = [name for name in ("username", "password") if name not in parameters]
        if missing:
            raise InvalidRequest(f"{missing[0]} is missing.", reason=Reason.PASSWORD_GRANT_INCOMPLETE)
        scopes = client.permitted_scope(parse_scope(parameters.get("scope", "")))
        resources = requested_resources(parameters, client)
        correlation_id = uuid7(now)
        session = await self.sign_ins.through_client(
            parameters["username"],
            parameters["password"],
            client_id=client.client_id,
            correlation_id=correlation_id,
        )
        await self._require_consent(client, session.user_id, scopes, resources)
        grant = _grant(client, session, scopes, resources, now=now)

        async def redeem(token: AccessToken) -> str | None:
            async with self.begin() as work:
                return await keep_grant(
                    work,
                    client,
                    grant,
                    token,
                    grant_type=PASSWORD,
                    correlation_id=correlation_id,
                    chain_key=self.chain_key,
                    lifetimes=self.lifetimes,
                    now=now,
                )

        return Authorized(client=client, scopes=scopes, redeem=redeem, grant=grant)

    async def _require_consent(
        self, client: Client, user_id: str, scopes: tuple[str, ...], resources: tuple[str, ...]
    ) -> None:
        """Require an earlier consent, unless the operator registered the client with consent=skip."""
        if client.metadata.consent == CONSENT_SKIP:
            return
        async with self.view() as view:
            remembered = await view.consents.find(user_id=user_id, client_id=client.client_id, resources=resources)
        if not remembered.issuperset(scope for scope in scopes if scope != OPENID):
            raise InvalidGrant(
                "The user has not consented to this client: the user must sign in with a browser first.",
                reason=Reason.CONSENT_MISSING,
            )


def _grant(
    client: Client,
    session: AuthenticatedSession,
    scopes: tuple[str, ...],
    resources: tuple[str, ...],
    *,
    now: datetime,
) -> Grant:
    return Grant.of_session(
        session,
        client_id=client.client_id,
        scopes=scopes,
        resources=resources,
        offline=OFFLINE_ACCESS in scopes,
        now=now,
    )
