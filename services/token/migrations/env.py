from libs.servicekit.migrations import run_env
from services.token.store.tables import metadata

run_env(metadata)
