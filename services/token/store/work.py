"""The token service's unit of work."""

from libs.servicekit.events.inbox import Inbox
from libs.servicekit.events.unit_of_work import UnitOfWork
from libs.servicekit.sql.session import SqlSession
from libs.servicekit.sql.tallies import Tallies
from services.token.store.authorization.consents import Consents
from services.token.store.authorization.exports import Exports
from services.token.store.authorization.pending_requests import PendingRequests
from services.token.store.authorization.pushed_requests import PushedRequests
from services.token.store.clients.assertions import Assertions
from services.token.store.clients.clients import Clients
from services.token.store.clients.initial_access_tokens import InitialAccessTokens
from services.token.store.sessions.logout import LogoutDeliveries, SessionClients
from services.token.store.tables import METADATA
from services.token.store.tokens.grants import Codes, Grants, RefreshFamilies
from services.token.store.tokens.pairwise_salt import PairwiseSalt
from services.token.store.tokens.retired_key_uses import RetiredKeyUses
from services.token.store.tokens.revocations import Revocations


class StoreWork(UnitOfWork):
    def __init__(self, session: SqlSession) -> None:
        super().__init__(session)
        self.clients = Clients(session)
        self.pending_requests = PendingRequests(session)
        self.pushed_requests = PushedRequests(session)
        self.consents = Consents(session)
        self.exports = Exports(session)
        self.grants = Grants(session)
        self.codes = Codes(session)
        self.refresh_families = RefreshFamilies(session)
        self.session_clients = SessionClients(session)
        self.logout_deliveries = LogoutDeliveries(session)
        self.inbox = Inbox(session, METADATA)
        self.revocations = Revocations(session)
        self.assertions = Assertions(session)
        self.initial_access_tokens = InitialAccessTokens(session)
        self.tallies = Tallies(session, METADATA)
        self.retired_key_uses = RetiredKeyUses(session)
        self.pairwise_salt = PairwiseSalt(session)
