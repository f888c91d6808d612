"""Configuration of the device service."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from libs.oauth.device_authorization import MAX_LIFETIME
from libs.servicekit.base.settings import BusSettings, DatabaseSettings, GrpcSettings
from services.device.domain.device_codes import MAX_INTERVAL
from services.device.domain.limits import AttemptQuota, RequestQuota

_Quota = Annotated[int, Field(ge=1)]


class DeviceSettings(GrpcSettings, DatabaseSettings, BusSettings):
    device_code_seconds: int = Field(default=600, ge=30, le=int(MAX_LIFETIME.total_seconds()))
    """Lifetime of a device code: the user has to enter the user code and decide within this time."""
    device_poll_seconds: int = Field(default=5, ge=1, le=int(MAX_INTERVAL.total_seconds()))
    """Minimum time between two polls of a device. A poll waits for the decision at most this long."""
    device_requests_per_address: _Quota = 60
    """Maximum number of device authorization requests per minute from one /24 (IPv4) or /48 (IPv6) network."""
    device_requests_per_client: _Quota = 600
    """Maximum number of device authorization requests per minute of one client."""
    device_codes_alive: _Quota = 20_000
    """Maximum number of unexpired device authorizations."""
    user_code_misses_per_person: _Quota = 10
    """Maximum number of wrong user codes that one signed-in user may enter within five minutes."""
    user_code_misses_per_address: _Quota = 20
    """Maximum number of wrong user codes within five minutes from one /24 (IPv4) or /48 (IPv6) network."""
    user_code_misses_overall: _Quota = 100
    """Maximum number of wrong user codes within five minutes, of all users together."""

    @property
    def lifetime(self) -> timedelta:
        return timedelta(seconds=self.device_code_seconds)

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=self.device_poll_seconds)

    @property
    def requests(self) -> RequestQuota:
        return RequestQuota(
            per_address=self.device_requests_per_address,
            per_client=self.device_requests_per_client,
            alive=self.device_codes_alive,
        )

    @property
    def attempts(self) -> AttemptQuota:
        return AttemptQuota(
            per_user=self.user_code_misses_per_person,
            per_address=self.user_code_misses_per_address,
            overall=self.user_code_misses_overall,
        )
