"""Configuration of the device service."""

from libs.servicekit.settings import BusSettings, DatabaseSettings, GrpcSettings


class DeviceSettings(GrpcSettings, DatabaseSettings, BusSettings):
    """Nothing of its own yet: see libs/servicekit/settings.py."""
