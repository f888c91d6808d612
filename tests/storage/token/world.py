"""The token service on a real database, with real keys, a clock that tests move, and users who can be disabled."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
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
from services.token.domain.tokens.dpop import NonceMode
from services.token.domain.tokens.subjects import Subjects
from services.token.domain.tokens.token_claims import Lifetimes
from services.token.http.app import assertion_audiences
from services.token.http.register import Registrations
from services.token.ports.tokens import TokenHook
from services.token.store.purge import Purge
from services.token.store.tables import METADATA
from services.token.store.work import StoreWork
from services.token.wiring import Options, Ports, compose
from tests.unit.token.parts import ALICE, BOB, ISSUER, VERIFIER, WEB, Clock, HeldKeys, a_session, parameters_of

PEPPER = b"p" * 32
SALT = b"s" * 32
CHAIN_KEY = b"c" * 32
NONCE_KEY = b"n" * 32
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
class FakeAccount:
    active: bool = True
    session_live: bool = True
    grants_not_before: datetime | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)


class FakeAccounts:
    """The Accounts port with two accounts. `meanwhile` runs once, during the next look-up."""

    def __init__(self) -> None:
        self.users = {
            ALICE: FakeAccount(claims={"name": "Alice", "email": "alice@example.com", "email_verified": True}),
            BOB: FakeAccount(claims={"name": "Bob"}),
        }
        self.asked: list[tuple[str, str, tuple[str, ...]]] = []
        self.away = False
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def find(self, *, user_id: str, session_id: str, claims: Sequence[str]) -> FakeAccount | None:
        self.asked.append((user_id, session_id, tuple(claims)))
        if self.away:
            raise TemporarilyUnavailable(reason=Reason.AUTHENTICATION_UNREACHABLE, retry_after=2)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        account = self.users.get(user_id)
        if account is None:
            return None
        return replace(account, claims={name: value for name, value in account.claims.items() if name in claims})


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
    users: FakeAccounts = field(default_factory=FakeAccounts)
    keys: HeldKeys = field(default_factory=HeldKeys)
    telemetry: Recorded = field(default_factory=Recorded)
    outside: Outside = field(default_factory=Outside)
    subjects: Subjects = field(default_factory=lambda: Subjects(SALT))
    hook: TokenHook = field(default_factory=NoTokenHook)
    dpop_nonce: NonceMode = "stale"
    devices: Any = None
    sign_ins: Any = None
    post: Any = None

    def __post_init__(self) -> None:
        clock = self.clock
        work = Transactions(self.database, Outbox(METADATA, issuer=ISSUER, clock=clock), StoreWork)
        self.work = work
        self.clients = clients = CachedClients(work, clock=clock)
        self.client_keys = ClientKeys(self.outside.get)
        self.ports = Ports(
            begin=work,
            view=work.reading,
            clients=clients,
            client_keys=self.client_keys,
            logos=ClientLogos(self.outside.get),
            fetch_request_object=RemoteRequestObjects(fetch=self.outside.get),
            fetch_sector_document=RemoteSectorDocuments(fetch=self.outside.get),
            post=self.post,
            accounts=self.users,
            sign_ins=self.sign_ins,
            devices=self.devices,
            keys=self.keys,
            hook=self.hook,
            telemetry=self.telemetry,
            pending_request_limiter=PendingRequestLimiter(),
            clock=clock,
        )
        self.options = Options(
            issuer=ISSUER,
            audiences=AUDIENCES,
            assertion_audiences=assertion_audiences(ISSUER, "https://token.example"),
            subjects=self.subjects,
            lifetimes=LIFETIMES,
            access_token_alg="ES256",
            peppers=[PEPPER],
            chain_keys=[CHAIN_KEY],
            dpop_nonce_keys=[NONCE_KEY],
            dpop_nonce=self.dpop_nonce,
            registration="token",
            registration_policy=RegistrationPolicy(),
            registration_quota=RegistrationQuota(per_address=1_000, overall=1_000, alive=1_000),
            attributes=ATTRIBUTES,
        )
        use_cases = compose(self.ports, self.options)
        self.authorize = use_cases.authorize
        self.resume = use_cases.resume
        self.deny = use_cases.deny
        self.describe = use_cases.describe
        self.push = use_cases.push
        self.read_request_object = use_cases.read_request_object
        self.check_logout = use_cases.check_logout
        self.get_logo = use_cases.get_logo
        self.list_connections = use_cases.list_connections
        self.withdraw_consent = use_cases.withdraw_consent
        self.create_client = use_cases.create_client
        self.get_client = use_cases.get_client
        self.list_clients = use_cases.list_clients
        self.update_client = use_cases.update_client
        self.rotate_secret = use_cases.rotate_secret
        self.delete_client = use_cases.delete_client
        self.remove_unused_clients = use_cases.sweep_unused_clients
        self.create_initial_token = use_cases.create_initial_token
        self.list_initial_tokens = use_cases.list_initial_tokens
        self.revoke_initial_token = use_cases.revoke_initial_token
        self.issue_tokens = use_cases.issue_tokens
        self.revoke_token = use_cases.revoke_token
        self.introspect_token = use_cases.introspect_token
        self.userinfo = use_cases.get_userinfo

    def registrations(
        self, mode: RegistrationMode = "token", *, policy: RegistrationPolicy | None = None, **quota: int
    ) -> Registrations:
        """What clients that register themselves meet; `quota` replaces numbers that no test reaches."""
        use_cases = compose(
            self.ports,
            replace(
                self.options,
                registration=mode,
                registration_policy=policy or RegistrationPolicy(),
                registration_quota=replace(self.options.registration_quota, **quota),
            ),
        )
        return Registrations(
            register=use_cases.register_client,
            read=use_cases.read_registration,
            change=use_cases.change_registration,
            delete=use_cases.delete_registration,
        )

    async def initial_token(self, *, uses: int = 1, life: timedelta = timedelta(hours=1)) -> str:
        return (await self.create_initial_token(uses=uses, life=life)).token

    async def client(self, **members: Any) -> Registered:
        """A confidential web client of the operator that needs no user consent; `members` replace."""
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
        """The code for a request of a signed-in user who need not interact."""
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

    async def event_types(self) -> list[str]:
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
    """The id of the pending request that needs this step of the user."""
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
