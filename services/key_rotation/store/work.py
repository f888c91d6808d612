"""One transaction of this service: its repositories and emitted events."""

from sqlalchemy.ext.asyncio import AsyncSession

from libs.servicekit.events.unit_of_work import UnitOfWork
from services.key_rotation.store.keys import Keys


class StoreWork(UnitOfWork):
    def __init__(self, session: AsyncSession, *, issuer: str) -> None:
        super().__init__(session)
        self.keys = Keys(session, issuer=issuer)
