"""`python -m services.key_rotation [migrate]`."""

from libs.servicekit.process import main
from services.key_rotation.app import NAME, build
from services.key_rotation.config import KeyRotationSettings

main(NAME, KeyRotationSettings, build)
