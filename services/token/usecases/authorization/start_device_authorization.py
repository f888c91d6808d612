"""Device authorization requests (RFC 8628 3.1)."""

from typing import Any

from libs.oauth.client_authentication import Credentials
from libs.oauth.client_metadata import DEVICE_CODE
from libs.oauth.parameters import Parameters
from libs.oauth.scopes import parse_scope
from libs.servicekit.base.clock import Clock
from services.token.domain.tokens.audiences import requested_resources
from services.token.ports.authorization import Devices
from services.token.usecases.clients.authenticate_client import AuthenticateClient


class StartDeviceAuthorization:
    """The code page is the browser edge's, under the issuer: `verification_uri` is short enough to type."""

    def __init__(self, *, issuer: str, authenticate: AuthenticateClient, devices: Devices, clock: Clock) -> None:
        self._verification_uri = f"{issuer}/device"
        self._authenticate = authenticate
        self._devices = devices
        self._clock = clock

    async def __call__(
        self, credentials: Credentials, parameters: Parameters, *, remote_address: str
    ) -> dict[str, Any]:
        """A device authorization response (RFC 8628 3.2).

        Raises:
            OAuthError: RFC 6749 5.2; temporarily_unavailable with a retry time when too many are asked for.
        """
        client = await self._authenticate(credentials, now=self._clock.now())
        client.require_grant(DEVICE_CODE)
        scopes = client.permitted_scope(parse_scope(parameters.get("scope", "")))
        resources = requested_resources(parameters, client)
        codes = await self._devices.create(client, scopes, resources=resources, remote_address=remote_address)
        return {
            "device_code": codes.device_code,
            "user_code": codes.user_code,
            "verification_uri": self._verification_uri,
            "verification_uri_complete": f"{self._verification_uri}?user_code={codes.user_code}",
            "expires_in": codes.expires_in,
            "interval": codes.interval,
        }
