"""`python -m services.authorize_frontend` runs the service."""

import gc

gc.disable()  # imports create no garbage, so the start is a fifth faster; `main` enables it again

from libs.servicekit.process.lifecycle import main  # noqa: E402
from services.authorize_frontend.app import build  # noqa: E402
from services.authorize_frontend.config import AuthorizeFrontendSettings  # noqa: E402

main("authorize-frontend", AuthorizeFrontendSettings, build)
