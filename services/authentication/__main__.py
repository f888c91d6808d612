"""`python -m services.authentication [migrate]`."""

from libs.servicekit.process import main
from services.authentication.app import NAME, build
from services.authentication.config import AuthenticationSettings

main(NAME, AuthenticationSettings, build)
