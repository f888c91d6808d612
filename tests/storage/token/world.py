"""The token service on a real database, with real keys, a clock that tests move, and people who can be disabled."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from libs.crypto.random import uuid7
from libs.fetch.errors import FetchRefused
from libs.fetch.errors import Reason as FetchReason
from libs.fetch.fetcher import Fetched
from libs.oauth.attributes import parse_attributes
from libs.oauth.client_authentication import BASIC, NONE, Credentials
from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.parameters import Pair, Parameters
from libs.oauth.reasons import Reason
from libs.oauth.registration import RegistrationMode, RegistrationPolicy
from libs.servicekit.events.event import Event
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.events.unit_of_work import Transactions
from libs.servicekit.sql.database import Database
from services.token.adapters.client_directory import CachedClients
from services.token.adapters.client_keys import ClientKeys
from services.token.adapters.client_logos import ClientLogos
from services.token.adapters.pending_request_limiter import PendingRequestLimiter
from services.token.adapters.request_objects import RemoteRequestObjects
from services.token.adapters.sector_documents import RemoteSectorDocuments
from services.token.adapters.token_hook import NoTokenHook
from services.token.domain.authorization.authorization_response import AskUser, Next, SendBack
from services.token.domain.authorization.interaction import Step
from services.token.domain.clients.registrations import RegistrationQuota
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.domain.tokens.audiences import Audiences
from services.token.domain.tokens.subjects import Subjects
from services.token.domain.tokens.token_claims import Lifetimes
from services.token.http.app import assertion_audiences
from services.token.http.register import Registrations
from services.token.ports.tokens import TokenHook
from services.token.store.purge import Purge
from services.token.store.tables import METADATA
from services.token.store.work import StoreWork
from services.token.usecases.authorization.advance_authorization import AdvanceAuthorization
from services.token.usecases.authorization.authorize import Authorize
from services.token.usecases.authorization.deny_authorization import DenyAuthorization
from services.token.usecases.authorization.describe_interaction import DescribeInteraction
from services.token.usecases.authorization.grant_authorization import GrantAuthorization
from services.token.usecases.authorization.list_connections import ListConnections
from services.token.usecases.authorization.push_authorization_request import PushAuthorizationRequest
from services.token.usecases.authorization.read_request_object import ReadRequestObject
from services.token.usecases.authorization.resume_authorization import ResumeAuthorization
from services.token.usecases.authorization.withdraw_consent import WithdrawConsent
from services.token.usecases.clients.authenticate_client import AuthenticateClient
from services.token.usecases.clients.check_sector import CheckSector
from services.token.usecases.clients.create_client import CreateClient
from services.token.usecases.clients.create_initial_access_token import CreateInitialAccessToken
from services.token.usecases.clients.delete_client import DeleteClient
from services.token.usecases.clients.find_clients import GetClient, ListClients
from services.token.usecases.clients.find_initial_access_tokens import ListInitialAccessTokens, RevokeInitialAccessToken
from services.token.usecases.clients.get_client_logo import GetClientLogo
from services.token.usecases.clients.manage_registration import ChangeRegistration, DeleteRegistration, ReadRegistration
from services.token.usecases.clients.register_client import RegisterClient
from services.token.usecases.clients.rotate_client_secret import RotateClientSecret
from services.token.usecases.clients.sweep_unused_clients import SweepUnusedClients
from services.token.usecases.clients.update_client import UpdateClient
from services.token.usecases.sessions.check_logout import CheckLogout
from services.token.usecases.tokens.get_userinfo import GetUserinfo
from services.token.usecases.tokens.grants.authorization_code import AuthorizationCodeGrant
from services.token.usecases.tokens.grants.client_credentials import ClientCredentials
from services.token.usecases.tokens.grants.refresh_token import RefreshTokenGrant
from services.token.usecases.tokens.introspect_token import IntrospectToken
from services.token.usecases.tokens.issue_tokens import IssueTokens
from services.token.usecases.tokens.mint_tokens import MintTokens
from services.token.usecases.tokens.revoke_token import RevokeToken
from tests.unit.token.parts import ALICE, BOB, ISSUER, VERIFIER, WEB, Clock, HeldKeys, a_session, parameters_of

PEPPER = b"p" * 32
SALT = b"s" * 32
CHAIN_KEY = b"c" * 32
BROWSER = "a browser's secret"
ATTRIBUTES = parse_attributes(
    '[attributes.department]\ntype = "text"\nwriter = "operator"\nscope = "employee"\nlabel = "x"'
)
AUDIENCES = Audiences(ISSUER, "https://token.example/userinfo")
LIFETIMES = Lifetimes(
    access_token=timedelta(minutes=10),
    front_channel_token=timedelta(minutes=5),
    id_token=timedelta(minutes=10),
    refresh_idle=timedelta(days=14),
    refresh_absolute=timedelta(days=90),
    refresh_grace=timedelta(seconds=30),
    registration=timedelta(days=90),
)


@dataclass
class Person:
    active: bool = True
    session_live: bool = True
    claims: Mapping[str, Any] = field(default_factory=dict)


class People:
    """The Accounts port: two people, all of whose sessions live or not. `meanwhile` happens during the next look-up."""

    def __init__(self) -> None:
        self.people = {
            ALICE: Person(claims={"name": "Alice", "email": "alice@example.com", "email_verified": True}),
            BOB: Person(claims={"name": "Bob"}),
        }
        self.asked: list[tuple[str, str, tuple[str, ...]]] = []
        self.away = False
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def find(self, *, user_id: str, session_id: str, claims: Sequence[str]) -> Person | None:
        self.asked.append((user_id, session_id, tuple(claims)))
        if self.away:
            raise TemporarilyUnavailable(reason=Reason.AUTHENTICATION_UNREACHABLE, retry_after=2)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        user_claims = self.people.get(user_id)
        if user_claims is None:
            return None
        return replace(
            user_claims, claims={name: value for name, value in user_claims.claims.items() if name in claims}
        )


class Recorded:
    """The Telemetry port."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)


@dataclass(frozen=True)
class Registered:
    """A client and how it proves who it is."""

    client_id: str
    secret: str

    @property
    def credentials(self) -> Credentials:
        return Credentials(self.client_id, BASIC if self.secret else NONE, self.secret)


class Outside:
    """Documents at addresses of clients; the way there is libs/fetch, which has tests of its own."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.fetched: list[str] = []

    async def get(self, url: str) -> Fetched:
        self.fetched.append(url)
        if url not in self.documents:
            raise FetchRefused(FetchReason.STATUS, "404")
        return Fetched(self.documents[url], "application/json", {})


@dataclass
class World:
    database: Database
    clock: Clock = field(default_factory=Clock)
    people: People = field(default_factory=People)
    keys: HeldKeys = field(default_factory=HeldKeys)
    telemetry: Recorded = field(default_factory=Recorded)
    outside: Outside = field(default_factory=Outside)
    subjects: Subjects = field(default_factory=lambda: Subjects(SALT))
    hook: TokenHook = field(default_factory=NoTokenHook)

    def __post_init__(self) -> None:
        clock, keys, people = self.clock, self.keys, self.people
        work = Transactions(self.database, Outbox(METADATA, issuer=ISSUER, clock=clock), StoreWork)
        view = work.reading
        self.work = work
        self.clients = clients = CachedClients(work, clock=clock)
        subjects = self.subjects
        mint = MintTokens(
            issuer=ISSUER,
            keys=keys,
            subjects=subjects,
            access_token_alg="ES256",
            id_token_lifetime=LIFETIMES.id_token,
        )
        advance = AdvanceAuthorization(
            GrantAuthorization(mint, audiences=AUDIENCES, lifetimes=LIFETIMES),
            issuer=ISSUER,
            clients=clients,
            accounts=people,
            keys=keys,
            subjects=subjects,
            hook=self.hook,
            attributes=ATTRIBUTES,
        )
        self.client_keys = ClientKeys(self.outside.get)
        self.read_request_object = ReadRequestObject(
            issuer=ISSUER, signed=self.client_keys, fetch=RemoteRequestObjects(self.outside.get)
        )
        pending_request_limiter = PendingRequestLimiter()
        self.authorize = Authorize(
            work,
            view,
            advance,
            read_request_object=self.read_request_object,
            pending_request_limiter=pending_request_limiter,
            clock=clock,
        )
        self.resume = ResumeAuthorization(work, view, advance, clock=clock)
        self.deny = DenyAuthorization(work, advance, clock=clock)
        self.describe = DescribeInteraction(view, advance, clock=clock)
        self.check_logout = CheckLogout(view, issuer=ISSUER, clients=clients, keys=keys, subjects=subjects, clock=clock)
        check_sector = CheckSector(RemoteSectorDocuments(self.outside.get), subjects=subjects)
        self.create_client = CreateClient(work, check_sector=check_sector, pepper=PEPPER, clock=clock)
        self.get_logo = GetClientLogo(clients=clients, logos=ClientLogos(self.outside.get))
        self.list_connections = ListConnections(view, clients=clients, clock=clock)
        self.withdraw_consent = WithdrawConsent(work, clock=clock)
        self.get_client = GetClient(view)
        self.list_clients = ListClients(view)
        self.update_client = UpdateClient(
            work, view, check_sector=check_sector, pepper=PEPPER, directory=clients, clock=clock
        )
        self.rotate_secret = RotateClientSecret(work, pepper=PEPPER, directory=clients, clock=clock)
        self.delete_client = DeleteClient(work, directory=clients, clock=clock)
        self.create_initial_token = CreateInitialAccessToken(work, mode="token", clock=clock)
        self.list_initial_tokens = ListInitialAccessTokens(view, clock=clock)
        self.revoke_initial_token = RevokeInitialAccessToken(work)
        self.remove_unused_clients = SweepUnusedClients(work, directory=clients, clock=clock)
        authenticate = AuthenticateClient(
            work,
            clients=clients,
            signed=self.client_keys,
            peppers=[PEPPER],
            issuer=ISSUER,
            audiences=assertion_audiences(ISSUER, "https://token.example"),
        )
        self.issue_tokens = IssueTokens(
            {
                "authorization_code": AuthorizationCodeGrant(work, view, lifetimes=LIFETIMES),
                "refresh_token": RefreshTokenGrant(work, view, chain_keys=[CHAIN_KEY], lifetimes=LIFETIMES),
                "client_credentials": ClientCredentials(self.telemetry),
            },
            audiences=AUDIENCES,
            authenticate=authenticate,
            accounts=people,
            hook=self.hook,
            mint=mint,
            lifetimes=LIFETIMES,
            clock=clock,
        )
        self.revoke_token = RevokeToken(
            work,
            issuer=ISSUER,
            authenticate=authenticate,
            keys=keys,
            chain_keys=[CHAIN_KEY],
            lifetimes=LIFETIMES,
            clock=clock,
        )
        self.push = PushAuthorizationRequest(
            work,
            authenticate=authenticate,
            read_request_object=self.read_request_object,
            pending_request_limiter=pending_request_limiter,
            clock=clock,
        )
        self.userinfo = GetUserinfo(
            view,
            audiences=AUDIENCES,
            accounts=people,
            clients=clients,
            keys=keys,
            subjects=subjects,
            mint=mint,
            clock=clock,
            attributes=ATTRIBUTES,
        )
        self.introspect_token = IntrospectToken(
            view,
            issuer=ISSUER,
            authenticate=authenticate,
            keys=keys,
            subjects=subjects,
            mint=mint,
            chain_keys=[CHAIN_KEY],
            lifetimes=LIFETIMES,
            clock=clock,
        )

    def registrations(
        self, mode: RegistrationMode = "token", *, policy: RegistrationPolicy | None = None, **quota: int
    ) -> Registrations:
        """What clients that register themselves meet; `quota` replaces numbers that no test reaches."""
        policy = policy or RegistrationPolicy()
        work, clock, clients = self.work, self.clock, self.clients
        return Registrations(
            register=RegisterClient(
                work,
                work.reading,
                self.create_client,
                mode=mode,
                policy=policy,
                quota=RegistrationQuota(**{"per_address": 1_000, "overall": 1_000, "alive": 1_000, **quota}),
                lifetime=LIFETIMES.registration,
                clock=clock,
            ),
            read=ReadRegistration(work.reading),
            change=ChangeRegistration(
                work, work.reading, self.update_client, policy=policy, peppers=[PEPPER], directory=clients, clock=clock
            ),
            delete=DeleteRegistration(work.reading, self.delete_client),
        )

    async def initial_token(self, *, uses: int = 1, life: timedelta = timedelta(hours=1)) -> str:
        return (await self.create_initial_token(uses=uses, life=life)).token

    async def client(self, **members: Any) -> Registered:
        """A confidential web client of the operator, whose people are not asked for consent; `members` replace."""
        made = await self.create_client({**WEB, "consent": "skip", **members})
        return Registered(made.client.client_id, made.secret)

    async def machine(self, **members: Any) -> Registered:
        """A client that acts for itself."""
        made = await self.create_client({"grant_types": ["client_credentials"], "scope": "notes printers", **members})
        return Registered(made.client.client_id, made.secret)

    async def ask(
        self,
        client: Registered,
        session: AuthenticatedSession | None = None,
        *,
        defer: bool = False,
        more: Sequence[Pair] = (),
        **changes: Any,
    ) -> Next:
        """An authorization request. A `resource` with spaces is several."""
        resources = [("resource", each) for each in (changes.pop("resource", None) or "").split()]
        pairs = [*parameters_of(client_id=client.client_id, **changes).items(), *resources, *more]
        return await self.authorize(pairs, browser_secret=BROWSER, session=session, defer=defer)

    async def back(
        self,
        request_id: str,
        session: AuthenticatedSession | None,
        *,
        browser_secret: str = BROWSER,
        allow: bool = False,
    ) -> Next:
        """The browser comes back to a request that waits; with `allow` from the consent page."""
        return await self.resume(request_id, browser_secret=browser_secret, session=session, allow=allow)

    async def code(self, client: Registered, session: AuthenticatedSession | None = None, **changes: Any) -> str:
        """The code for a request of somebody who is signed in, and need not be asked."""
        return sent(await self.ask(client, session or a_session(), **changes))["code"]

    async def token(self, client: Registered, **parameters: str | None) -> dict[str, Any]:
        """A token request."""
        form = {name: value for name, value in parameters.items() if value is not None}
        return await self.issue_tokens(client.credentials, Parameters(form))

    async def exchange(self, client: Registered, code: str, **changes: str | None) -> dict[str, Any]:
        whole: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "redirect_uri": parameters_of()["redirect_uri"],
            "code_verifier": VERIFIER,
        }
        return await self.token(client, code=code, **{**whole, **changes})

    async def tokens(self, client: Registered, **changes: Any) -> dict[str, Any]:
        """What a sign-in brings."""
        return await self.exchange(client, await self.code(client, **changes))

    async def refresh(self, client: Registered, refresh_token: str, **changes: str | None) -> dict[str, Any]:
        return await self.token(client, **{"grant_type": "refresh_token", "refresh_token": refresh_token, **changes})

    async def get_userinfo(self, access_token: str) -> dict[str, Any]:
        return (await self.userinfo(access_token)).claims

    async def revoke(self, client: Registered, token: str, **parameters: str) -> None:
        """A client gives a token back."""
        await self.revoke_token(client.credentials, Parameters({"token": token, **parameters}))

    async def purge(self) -> None:
        """As if the timer came now."""
        while await Purge(self.database, clock=self.clock)():
            pass

    async def purge_everything(self) -> None:
        """As if the timer came when everything has expired."""
        later = Clock(self.clock.now() + timedelta(days=1_000))
        while await Purge(self.database, clock=later)():
            pass

    async def rows(self, table: str) -> list[Mapping[str, Any]]:
        async with self.database.snapshot() as session:
            return [dict(row) for row in (await session.execute(select(METADATA.tables[table]))).mappings()]

    async def events(self, *names: str) -> list[dict[str, Any]]:
        """What subscribers will see, in the order of the outbox; of these names only, if there are any."""
        outbox = METADATA.tables["outbox"]
        async with self.database.snapshot() as session:
            rows = (await session.execute(select(outbox.c.envelope).order_by(outbox.c.position))).scalars()
            events = [json.loads(row) for row in rows]
        types = {f"latchkey.{name}.v1" for name in names}
        return [event for event in events if not names or event["type"] in types]

    async def told(self) -> list[str]:
        """Names of all events so far."""
        return [event["type"].removeprefix("latchkey.").removesuffix(".v1") for event in await self.events()]

    async def all_kept(self) -> str:
        """Everything in the database, as text to search for what must not be there."""
        kept = [row for name in METADATA.tables for row in await self.rows(name)]
        return repr(kept)


def sent(following: Next) -> dict[str, str]:
    """Parameters of the answer on its way to the client."""
    assert isinstance(following, SendBack), following
    return dict(following.parameters)


def asked(following: Next, step: Step | None) -> str:
    """The id under which the request waits for this step of the person."""
    assert isinstance(following, AskUser), following
    assert following.step is step
    return following.request_id


async def at_once(*attempts: Awaitable[Any]) -> tuple[list[Any], list[BaseException]]:
    """What came of attempts made at the same time: answers and refusals."""
    results = await asyncio.gather(*attempts, return_exceptions=True)
    return (
        [result for result in results if not isinstance(result, BaseException)],
        [result for result in results if isinstance(result, BaseException)],
    )


def new_session_id() -> str:
    return uuid7(Clock().now())
