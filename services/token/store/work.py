"""The token service's unit of work."""

from sqlalchemy.ext.asyncio import AsyncSession

from libs.servicekit.work import UnitOfWork
from services.token.store.clients import Clients
from services.token.store.consents import Consents
from services.token.store.grants import Codes, Grants, RefreshFamilies
from services.token.store.pending_requests import PendingRequests
from services.token.store.revocations import Revocations


class TokenWork(UnitOfWork):
    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        self.clients = Clients(session)
        self.pending_requests = PendingRequests(session)
        self.consents = Consents(session)
        self.grants = Grants(session)
        self.codes = Codes(session)
        self.refresh_families = RefreshFamilies(session)
        self.revocations = Revocations(session)
