"""Asking the device service."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from latchkey.authentication.v1.sessions_pb2 import RequestContext
from latchkey.device.v1 import device_pb2
from libs.oauth.device_authorization import MAX_LIFETIME
from libs.servicekit.base.clock import Clock
from libs.servicekit.grpc.channels import DEADLINE_SECONDS
from services.token.domain.authorization.devices import AllowedDevice, DeviceCodes
from services.token.domain.clients.client import Client
from services.token.rpc.sessions import attested_session

if TYPE_CHECKING:  # the stubs know the asynchronous face, the module has one for both
    from latchkey.device.v1.device_pb2_grpc import DeviceServiceAsyncStub


@dataclass(frozen=True, kw_only=True)
class RemoteDevices:
    """One call each. Raises what the device service raised; TemporarilyUnavailable when it cannot be reached."""

    stub: "DeviceServiceAsyncStub"
    attestation_keys: Sequence[bytes]
    clock: Clock

    async def create(
        self, client: Client, scopes: tuple[str, ...], *, resources: tuple[str, ...], remote_address: str
    ) -> DeviceCodes:
        codes = await self.stub.CreateDeviceCode(
            device_pb2.CreateDeviceCodeRequest(
                client_id=client.client_id,
                client_name=client.metadata.client_name,
                scopes=scopes,
                resources=resources,
                context=RequestContext(remote_address=remote_address, client_id=client.client_id),
            )
        )
        return DeviceCodes(codes.device_code, codes.user_code, codes.expires_in_seconds, codes.interval_seconds)

    async def poll(self, device_code: str, *, client_id: str, wait: timedelta) -> AllowedDevice:
        """Raises ServerError when the session in the response is not attested by the authentication service."""
        seconds = int(wait.total_seconds())
        allowed = await self.stub.PollDeviceCode(
            device_pb2.PollDeviceCodeRequest(device_code=device_code, client_id=client_id, wait_seconds=seconds),
            timeout=seconds + DEADLINE_SECONDS,
        )
        # The session was attested when the user decided, which may be as long ago as the lifetime of the code.
        session = attested_session(
            allowed.session, attestation_keys=self.attestation_keys, lifetime=MAX_LIFETIME, now=self.clock.now()
        )
        return AllowedDevice(session, tuple(allowed.scopes), allowed.correlation_id, tuple(allowed.resources))

    async def redeem(self, device_code: str, *, client_id: str) -> None:
        await self.stub.RedeemDeviceCode(
            device_pb2.RedeemDeviceCodeRequest(device_code=device_code, client_id=client_id)
        )
