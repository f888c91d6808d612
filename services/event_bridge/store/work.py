"""One transaction of this service: its repositories and emitted events."""

from libs.servicekit.events.unit_of_work import UnitOfWork
from libs.servicekit.sql.session import SqlSession
from services.event_bridge.store.deliveries import Deliveries
from services.event_bridge.store.events import Events, Feeds
from services.event_bridge.store.stream_tickets import StreamTickets
from services.event_bridge.store.webhooks import Webhooks


class StoreWork(UnitOfWork):
    def __init__(self, session: SqlSession) -> None:
        super().__init__(session)
        self.events = Events(session)
        self.feeds = Feeds(session)
        self.webhooks = Webhooks(session)
        self.deliveries = Deliveries(session)
        self.tickets = StreamTickets(session)
