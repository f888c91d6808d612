from libs.servicekit.migrations import run_env
from services.authentication.store.tables import METADATA

run_env(METADATA)
