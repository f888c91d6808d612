from libs.servicekit.sql.schema_history import run_env
from services.token.store.tables import metadata

run_env(metadata)
