"""The client acts for itself (RFC 6749 4.4). The hottest path: no SQL and no call to another service."""

from dataclasses import dataclass
from datetime import datetime

from libs.oauth.client_metadata import CLIENT_CREDENTIALS
from libs.oauth.parameters import Parameters
from libs.oauth.scopes import parse_scope
from services.token import events
from services.token.domain.clients.client import Client
from services.token.domain.tokens.token_claims import AccessToken
from services.token.ports.tokens import Telemetry
from services.token.usecases.tokens.issue_tokens import Authorized


@dataclass(frozen=True, kw_only=True)
class ClientCredentials:
    telemetry: Telemetry

    async def __call__(self, parameters: Parameters, client: Client, *, now: datetime) -> Authorized:
        """Raises InvalidScope when the client asks for what it has not registered."""
        scopes = client.own_scope(parse_scope(parameters.get("scope", "")))

        async def redeem(tokens: AccessToken) -> None:
            self.telemetry.record(
                events.token_issued(
                    client_id=client.client_id,
                    grant_type=CLIENT_CREDENTIALS,
                    scopes=scopes,
                    token_id=tokens.token_id,
                    grant=None,
                    correlation_id="",
                )
            )

        return Authorized(client=client, scopes=scopes, redeem=redeem)
