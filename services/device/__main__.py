"""`python -m services.device [migrate]`."""

import gc

gc.disable()  # imports create no garbage, so a start is a fifth faster; `main` enables it again

from libs.servicekit.process.lifecycle import main  # noqa: E402
from services.device.app import NAME, build  # noqa: E402
from services.device.config import DeviceSettings  # noqa: E402

main(NAME, DeviceSettings, build)
