"""`python -m services.event_bridge [migrate]`."""

from libs.servicekit.process import main
from services.event_bridge.app import NAME, build
from services.event_bridge.config import EventBridgeSettings

main(NAME, EventBridgeSettings, build)
