"""One transaction of this service: its repositories, and the facts that come out of it."""

from sqlalchemy.ext.asyncio import AsyncSession

from libs.servicekit.tallies import Tallies
from libs.servicekit.work import UnitOfWork
from services.authentication.store.accounts import Accounts
from services.authentication.store.attempts import SignInAttempts
from services.authentication.store.exports import Exports
from services.authentication.store.factors import Factors
from services.authentication.store.failures import SignInFailures
from services.authentication.store.letters import Letters
from services.authentication.store.links import MailedLinks
from services.authentication.store.passkeys import Passkeys
from services.authentication.store.sessions import Sessions
from services.authentication.store.tables import METADATA


class StoreWork(UnitOfWork):
    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        self.accounts = Accounts(session)
        self.sessions = Sessions(session)
        self.failures = SignInFailures(session)
        self.letters = Letters(session)
        self.links = MailedLinks(session)
        self.exports = Exports(session)
        self.tallies = Tallies(session, METADATA)
        self.factors = Factors(session)
        self.passkeys = Passkeys(session)
        self.attempts = SignInAttempts(session)
