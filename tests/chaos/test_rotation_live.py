"""Five key rotations and an emergency rotation while tokens are issued; applications verify every token.

Real processes with an accelerated clock, in which an hour takes 5 seconds (tests/support/fast_clock.py), slower around
the emergency. The configured waits are close to the shortest that the service accepts; they determine the duration.
"""

import asyncio
import json
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from latchkey.keys.v1 import admin_pb2, keys_pb2
from latchkey.keys.v1.admin_pb2_grpc import KeyAdminServiceStub
from latchkey.token.v1 import admin_pb2 as token_pb2
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceStub
from libs.crypto.strict import base64url_decode
from tests.chaos.verifiers import Authlib, Jose, Joserfc, Library, PyJwt, Verifier
from tests.flows.relying_party import RelyingParty
from tests.support import fast_clock
from tests.support.browser import Browser
from tests.support.fast_clock import FastClock
from tests.support.npm_packages import PackagesUnavailableError
from tests.support.stack import Stack, running_stack

ROTATIONS = 5
TOKEN_SECONDS = 1800
FLOOR = timedelta(seconds=1860)
"""Twice 180 s in caches, 300 s at the browser edge, 20 minutes for clocks."""
FAST, SLOW, SLOWER = 750, 100, 30
WAITS = {
    "LATCHKEY_JWKS_MAX_AGE_SECONDS": "180",
    "LATCHKEY_PUBLICATION_MAX_AGE_SECONDS": "300",
    "LATCHKEY_KEY_VIEW_MAX_AGE_SECONDS": "600",
    "LATCHKEY_KEY_ANNOUNCEMENT_SECONDS": "1860",
    "LATCHKEY_KEY_PERIOD_SECONDS": "2160",
    "LATCHKEY_KEY_CHECK_SECONDS": "0.1",
    "LATCHKEY_ACCESS_TOKEN_SECONDS": str(TOKEN_SECONDS),
    "LATCHKEY_ID_TOKEN_HINT_SECONDS": "0",
}
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> FastClock:
    return FastClock(tmp_path_factory.mktemp("clock") / "began")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, clock: FastClock) -> Iterator[Stack]:
    environment = WAITS | {fast_clock.VARIABLE: str(clock.file), fast_clock.SPEED_VARIABLE: str(FAST)}
    folder = tmp_path_factory.mktemp("rotation")
    with running_stack(folder, environment=environment, through="tests.support.fast_clock") as running:
        yield running


@pytest.fixture
def edges(system: Stack) -> Iterator[list[str]]:
    """URLs of two token replicas."""
    http, grpc, ops = (f"127.0.0.1:{_free_port()}" for _ in range(3))
    environment = {"LATCHKEY_HTTP_LISTEN": http, "LATCHKEY_GRPC_LISTEN": grpc, "LATCHKEY_OPS_LISTEN": ops}
    another = system.another("token", **environment)
    another.start()
    try:
        yield [system.client_edge, f"http://{http}"]
    finally:
        another.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
async def libraries(tmp_path: Path) -> AsyncIterator[list[Library]]:
    try:
        jose = await Jose.started(tmp_path)
    except PackagesUnavailableError:
        yield [Joserfc(), Authlib(), PyJwt()]  # the skip message of the openid-client tests names what is missing
        return
    yield [Joserfc(), Authlib(), PyJwt(), jose]
    await jose.close()


@dataclass(frozen=True)
class Signed:
    text: str

    @property
    def header(self) -> dict[str, Any]:
        return dict(json.loads(base64url_decode(self.text.split(".")[0])))

    @property
    def kid(self) -> str:
        return str(self.header["kid"])

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(json.loads(base64url_decode(self.text.split(".")[1]))["exp"], UTC)


@dataclass
class Stream:
    """Tokens from both replicas in turn; every verifier checks each token when it is new and shortly before it expires."""

    edges: list[str]
    verifiers: list[Verifier]
    clock: FastClock
    http: httpx2.AsyncClient
    machine: tuple[str, str]
    web: tuple[str, str]
    refresh_token: str
    kids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Algorithm -> ids of its signing keys, in the order of their first use."""
    user: tuple[Signed, Signed] | None = None
    """The latest access token and ID token of the user."""
    alive: list[Signed] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    busy: int = 0
    judged: int = 0

    async def flow(self) -> None:
        """One token of each kind from each replica."""
        for edge in self.edges:
            form = {"grant_type": "client_credentials"}
            if answer := await self._ask(edge, form, self.machine):
                await self._new(Signed(answer["access_token"]))
            form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
            if answer := await self._ask(edge, form, self.web):
                self.refresh_token = answer["refresh_token"]
                self.user = Signed(answer["access_token"]), Signed(answer["id_token"])
                await self._new(Signed(answer["id_token"]))
        await self._old()

    async def _ask(self, edge: str, form: dict[str, str], auth: tuple[str, str]) -> dict[str, Any] | None:
        answer = await self.http.post(f"{edge}/token", data=form, auth=auth)
        if (
            answer.status_code == 503
        ):  # with the accelerated clock, a second of machine load looks like a hanging replica
            self.busy += 1
            return None
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def _new(self, token: Signed) -> None:
        alg = token.header["alg"]
        if token.kid not in self.kids[alg]:
            self.kids[alg].append(token.kid)
        await self._judge(token)
        self.alive.append(token)

    async def _old(self) -> None:
        soon = self.clock.now() + timedelta(seconds=300)
        ending = [token for token in self.alive if token.expires_at <= soon]
        self.alive = [token for token in self.alive if token.expires_at > soon]
        for token in ending:
            await self._judge(token)

    async def _judge(self, token: Signed) -> None:
        for verifier in self.verifiers:
            if refusal := await verifier.refuses(token.text, self.http):
                if token.kid not in self.revoked and self.clock.now() < token.expires_at:
                    self.failures.append(f"{verifier.library.name}, {token.kid}: {refusal}")
            else:
                self.judged += 1


@pytest.fixture
async def stream(system: Stack, edges: list[str], libraries: list[Library], clock: FastClock) -> AsyncIterator[Stream]:
    """Signs a user in at normal speed, then accelerates the clock."""
    async with (
        httpx2.AsyncClient(timeout=20) as http,
        Browser(system.issuer) as browser,
        RelyingParty.of(system, "web") as web,
        await RelyingParty.registered(
            system, redirect_uris=[], grant_types=["client_credentials"], response_types=[], introspection="all"
        ) as machine,
    ):
        tokens = await web.sign_in(browser)
        assert web.client_secret
        assert machine.client_secret
        while (await _answers(http, edges[1])) is False:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.1)
        clock.begin(FAST)
        yield Stream(
            edges,
            [Verifier(library, system.issuer, clock.now) for library in libraries],
            clock,
            http,
            machine=(machine.client_id, machine.client_secret),
            web=(web.client_id, web.client_secret),
            refresh_token=tokens["refresh_token"],
        )


async def _answers(http: httpx2.AsyncClient, edge: str) -> bool:
    try:
        return (await http.get(f"{edge}/token")).status_code > 0
    except httpx2.TransportError:
        return False


@pytest.mark.s(70)
async def test_five_rotations_cause_no_refusal_and_an_emergency_rotation_ends_old_tokens(system: Stack, stream: Stream):
    while min(len(stream.kids["ES256"]), len(stream.kids["RS256"])) <= ROTATIONS:
        await stream.flow()
    assert stream.failures == []
    assert stream.judged > 100 * len(stream.verifiers)
    assert all(verifier.fetched > ROTATIONS for verifier in stream.verifiers)

    async with system.channel("key-rotation") as channel:
        keys = KeyAdminServiceStub(channel)
        next_key = await _wait_until_published(keys, stream)
        assert stream.user is not None
        stolen, hint = stream.user
        assert await _accepted_by(stream, stolen, hint) == {"introspection": 2, "userinfo": 2, "hint": 1}
        request = admin_pb2.RevokeKeyRequest(kid=stolen.kid, reason=admin_pb2.REVOCATION_REASON_COMPROMISED)
        answer = await keys.RevokeKey(request)
        await keys.RevokeKey(admin_pb2.RevokeKeyRequest(kid=hint.kid, reason=request.reason))
    stream.revoked |= {stolen.kid, hint.kid}
    async with asyncio.timeout(5):
        while any((await _accepted_by(stream, stolen, hint)).values()):  # noqa: ASYNC110 - by other processes
            await asyncio.sleep(0)
    exposed_until = answer.exposed_until.ToDatetime(tzinfo=UTC)
    assert exposed_until < stolen.expires_at
    stream.clock.begin(FAST)
    while stream.clock.now() < exposed_until:
        await stream.flow()
    for verifier in stream.verifiers:
        assert await verifier.refuses(stolen.text, stream.http), verifier.library.name
    assert stream.kids["ES256"][-1] == next_key
    assert stream.failures == []
    await _name_who_still_has_tokens_of(system, stolen, hint, client_id=stream.web[0])


async def _name_who_still_has_tokens_of(system: Stack, stolen: Signed, hint: Signed, *, client_id: str) -> None:
    """Clients that present tokens signed by retired keys, as the drill reports them."""
    shown = {(client_id, stolen.kid, "userinfo"), (client_id, stolen.kid, "introspection")}
    shown.add((client_id, hint.kid, "id_token_hint"))
    async with system.channel("token") as channel, asyncio.timeout(10):
        known: set[tuple[str, str, str]] = set()
        while not shown <= known:
            response = await ClientAdminServiceStub(channel).ListFormerKeyUses(token_pb2.ListFormerKeyUsesRequest())
            known = {(use.client_id, use.kid, use.presented_as) for use in response.uses}


async def _wait_until_published(keys: Any, stream: Stream) -> str:
    """The next key, after every cached key set contains it: an emergency rotation activates it immediately."""
    while True:
        await stream.flow()
        listed = (await keys.ListKeys(admin_pb2.ListKeysRequest())).keys
        own = {key.state: key for key in listed if key.alg == "ES256"}
        next_key = own.get(keys_pb2.KEY_STATE_NEXT)
        if next_key is None:  # it is being created
            continue
        known_by = next_key.published_at.ToDatetime(tzinfo=UTC) + FLOOR
        turn = next_key.activates_at.ToDatetime(tzinfo=UTC)
        if known_by < stream.clock.now() < turn - timedelta(seconds=60):
            stream.clock.begin(SLOWER)  # the following calls take real time, and the next key is about to activate
            return str(next_key.kid)
        near = known_by - timedelta(seconds=400) < stream.clock.now() < turn
        stream.clock.begin(SLOW if near else FAST)


async def _accepted_by(stream: Stream, token: Signed, hint: Signed) -> dict[str, int]:
    """Number of token replicas that accept the tokens, by endpoint."""
    introspection = userinfo = 0
    for edge in stream.edges:
        answer = await stream.http.post(f"{edge}/introspect", data={"token": token.text}, auth=stream.machine)
        introspection += answer.json()["active"]
        answer = await stream.http.get(f"{edge}/userinfo", headers={"Authorization": f"Bearer {token.text}"})
        userinfo += answer.status_code == 200
    issuer = stream.verifiers[0].issuer
    # Only a hint that is accepted can contradict client_id; one whose key is gone leads to the confirmation page.
    parameters = {"id_token_hint": hint.text, "client_id": stream.machine[0]}
    logout = await stream.http.get(f"{issuer}/logout", params=parameters, follow_redirects=True)
    return {"introspection": introspection, "userinfo": userinfo, "hint": logout.status_code == 400}
