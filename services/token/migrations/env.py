from libs.servicekit.sql.schema_history import run_env
from services.token.store.tables import METADATA

run_env(METADATA)
