"""One transaction of this service: its repositories, and the events that come out of it."""

from libs.servicekit.events.unit_of_work import UnitOfWork
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.tallies import Tallies
from services.authentication.store.accounts.accounts import Accounts
from services.authentication.store.accounts.exports import Exports
from services.authentication.store.email.emails import Emails
from services.authentication.store.email.links import MailedLinks
from services.authentication.store.factors.factors import Factors
from services.authentication.store.factors.passkeys import Passkeys
from services.authentication.store.sessions.sessions import Sessions
from services.authentication.store.sign_in.attempts import SignInAttempts
from services.authentication.store.sign_in.failures import SignInFailures
from services.authentication.store.tables import METADATA


class StoreWork(UnitOfWork):
    def __init__(self, session: SqlSession) -> None:
        super().__init__(session)
        self.accounts = Accounts(session)
        self.sessions = Sessions(session)
        self.failures = SignInFailures(session)
        self.emails = Emails(session)
        self.links = MailedLinks(session)
        self.exports = Exports(session)
        self.tallies = Tallies(session, METADATA)
        self.factors = Factors(session)
        self.passkeys = Passkeys(session)
        self.attempts = SignInAttempts(session)
