from libs.servicekit.schema_history import run_env
from services.authentication.store.tables import METADATA

run_env(METADATA)
