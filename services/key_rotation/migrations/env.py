from libs.servicekit.migrations import run_env
from services.key_rotation.store.tables import METADATA

run_env(METADATA)
