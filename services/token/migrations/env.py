from libs.servicekit.schema_history import run_env
from services.token.store.tables import metadata

run_env(metadata)
