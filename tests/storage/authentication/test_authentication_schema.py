from libs.servicekit.sql.database import Database
from services.authentication.store.tables import METADATA


async def test_every_read_of_the_hot_path_has_its_index(database: Database) -> None:
    indexed = {tuple(index.columns.keys()) for index in METADATA.tables["sessions"].indexes}
    assert ("user_id", "last_seen_at") in indexed
    assert METADATA.tables["sessions"].c.secret_hash.unique
    assert METADATA.tables["users"].c.username_key.unique
