"""`python -m services.device [migrate]`."""

from libs.servicekit.process import main
from services.device.app import NAME, build
from services.device.config import DeviceSettings

main(NAME, DeviceSettings, build)
