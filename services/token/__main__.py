from libs.servicekit.process import main
from services.token.app import build
from services.token.config import TokenSettings

main("token", TokenSettings, build)
