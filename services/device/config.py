"""Configuration of the device service."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from libs.oauth.device_authorization import MAX_LIFETIME
from libs.servicekit.base.settings import BusSettings, DatabaseSettings, GrpcSettings
from services.device.domain.device_codes import LONGEST_INTERVAL
from services.device.domain.limits import AttemptQuota, RequestQuota

_Quota = Annotated[int, Field(ge=1)]


class DeviceSettings(GrpcSettings, DatabaseSettings, BusSettings):
    device_code_seconds: int = Field(default=600, ge=30, le=int(MAX_LIFETIME.total_seconds()))
    """How long a person has to type the code and decide."""
    device_poll_seconds: int = Field(default=5, ge=1, le=int(LONGEST_INTERVAL.total_seconds()))
    """What a device has to leave between two polls; the longest wait of a poll as well."""
    device_requests_per_address: _Quota = 60
    """Device authorizations that may begin within a minute from one /24 or /48."""
    device_requests_per_client: _Quota = 600
    """Device authorizations that may begin within a minute for one client."""
    device_codes_alive: _Quota = 20_000
    """Device authorizations that may be alive at once."""
    user_code_misses_per_person: _Quota = 10
    """Wrong user codes that one signed-in person may type within five minutes."""
    user_code_misses_per_address: _Quota = 20
    """Wrong user codes that may be typed within five minutes from one /24 or /48."""
    user_code_misses_overall: _Quota = 100
    """Wrong user codes that may be typed within five minutes at all."""

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
            per_person=self.user_code_misses_per_person,
            per_address=self.user_code_misses_per_address,
            overall=self.user_code_misses_overall,
        )
