"""`python -m services.authentication [migrate]`."""

import gc

gc.disable()  # nothing that an import makes is garbage: a start is a fifth faster; `main` enables it again

from libs.servicekit.process.lifecycle import main  # noqa: E402
from services.authentication.app import NAME, build  # noqa: E402
from services.authentication.config import AuthenticationSettings  # noqa: E402

main(NAME, AuthenticationSettings, build)
