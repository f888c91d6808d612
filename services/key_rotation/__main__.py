"""`python -m services.key_rotation [migrate]`."""

import gc

gc.disable()  # imports create no garbage, so a start is a fifth faster; `main` enables it again

from libs.servicekit.process.lifecycle import main  # noqa: E402
from services.key_rotation.app import NAME, build  # noqa: E402
from services.key_rotation.config import KeyRotationSettings  # noqa: E402

main(NAME, KeyRotationSettings, build)
