"""One transaction of this service: its repositories and emitted events."""

from libs.servicekit.events.unit_of_work import UnitOfWork
from libs.servicekit.sql.session import SqlSession
from services.key_rotation.store.keys import Keys


class StoreWork(UnitOfWork):
    def __init__(self, session: SqlSession, *, issuer: str) -> None:
        super().__init__(session)
        self.keys = Keys(session, issuer=issuer)
