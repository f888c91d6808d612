"""`python -m services.token [migrate]`."""

import gc

gc.disable()  # nothing that an import makes is garbage: a start is a fifth faster; `main` enables it again

from libs.servicekit.process.lifecycle import main  # noqa: E402
from services.token.app import build  # noqa: E402
from services.token.config import TokenSettings  # noqa: E402

main("token", TokenSettings, build)
