"""`python -m services.event_bridge [migrate]`."""

import gc

gc.disable()  # imports create no garbage, so a start is a fifth faster; `main` enables it again

from libs.servicekit.process.lifecycle import main  # noqa: E402
from services.event_bridge.app import NAME, build  # noqa: E402
from services.event_bridge.config import EventBridgeSettings  # noqa: E402

main(NAME, EventBridgeSettings, build)
