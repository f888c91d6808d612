"""`python -m services.authorize_frontend` serves the browser edge."""

from libs.servicekit.process import main
from services.authorize_frontend.app import build
from services.authorize_frontend.config import AuthorizeFrontendSettings

if __name__ == "__main__":
    main("authorize-frontend", AuthorizeFrontendSettings, build)
