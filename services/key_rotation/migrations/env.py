from libs.servicekit.sql.schema_history import run_env
from services.key_rotation.store.tables import METADATA

run_env(METADATA)
