"""One transaction of this service: its repositories, and the facts that come out of it."""

from sqlalchemy.ext.asyncio import AsyncSession

from libs.servicekit.work import UnitOfWork
from services.authentication.store.accounts import Accounts
from services.authentication.store.failures import SignInFailures
from services.authentication.store.sessions import Sessions


class StoreWork(UnitOfWork):
    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        self.accounts = Accounts(session)
        self.sessions = Sessions(session)
        self.failures = SignInFailures(session)
