"""One transaction of this service: its repositories and emitted events."""

from libs.servicekit.events.unit_of_work import UnitOfWork
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.tallies import Tallies
from services.device.store.device_codes import DeviceCodes
from services.device.store.tables import METADATA


class StoreWork(UnitOfWork):
    def __init__(self, session: SqlSession) -> None:
        super().__init__(session)
        self.device_codes = DeviceCodes(session)
        self.tallies = Tallies(session, METADATA)
