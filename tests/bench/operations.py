"""CPU time of each operation, by process: `python -m tests.bench.operations [ROUNDS] [OPERATION...]`.

Runs all services on a PostgreSQL server of its own with fsync, sends paced requests, and prints user and system time of
every process and of the database in milliseconds per request, without what the idle system uses. Every operation gets
tokens that no other operation ends.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import httpx2

from deploy.provision.topology import NATS, SERVICE_NAMES
from tests.chaos.postgres_server import own_postgres
from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack, running_stack

REQUESTS = 200
ROUNDS = 3
IDLE_SECONDS = 5.0
FAMILIES = 40
"""Refresh token families that take turns, because a family has a limit of rotations in a minute."""
_TICKS = os.sysconf("SC_CLK_TCK")
_MEASURED = (*SERVICE_NAMES, NATS, "postgresql")
Send = Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`send` makes one request; `rate` is the number of requests in a second, `count` their number in a round."""

    send: Send
    rate: int
    count: int = REQUESTS


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


class Meter:
    """Reads the CPU time of all processes of a system."""

    def __init__(self, stack: Stack, postmaster: int) -> None:
        self._postmaster = postmaster
        self._pids = {name: pid for name in (*SERVICE_NAMES, NATS) if (pid := stack.pid(name))}

    def read(self) -> dict[str, float]:
        used = {name: _cpu_seconds(pid) for name, pid in self._pids.items()}
        children = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children").read_text(encoding="ascii")
        used["postgresql"] = sum(map(_cpu_seconds, map(int, children.split())))
        return used


async def _paced(operation: Operation) -> float:
    """Send the requests at the rate of the operation. Returns the seconds that it took."""
    began = time.perf_counter()
    for number in range(operation.count):
        await asyncio.sleep(max(0.0, began + number / operation.rate - time.perf_counter()))
        await operation.send()
    return time.perf_counter() - began


async def _measure(meter: Meter, operation: Operation, idle: dict[str, float]) -> dict[str, float]:
    before = meter.read()
    seconds = await _paced(operation)
    after = meter.read()
    return {name: 1000 * (after[name] - before[name] - idle[name] * seconds) / operation.count for name in before}


async def _idle(meter: Meter) -> dict[str, float]:
    before = meter.read()
    await asyncio.sleep(IDLE_SECONDS)
    after = meter.read()
    return {name: (after[name] - before[name]) / IDLE_SECONDS for name in before}


class Client:
    """A signed-in user of one client, and the requests of that client on one connection."""

    def __init__(self, party: RelyingParty, browser: Browser, http: httpx2.AsyncClient, tokens: dict[str, str]) -> None:
        self._party = party
        self._browser = browser
        self._http = http
        self._tokens = tokens
        self._families = deque([tokens["refresh_token"]])

    @classmethod
    async def signed_in(cls, stack: Stack, browser: Browser, http: httpx2.AsyncClient) -> "Client":
        party = await RelyingParty.registered(stack, scope="openid profile email offline_access", consent="skip")
        return cls(party, browser, http, await party.sign_in(browser))

    async def with_families(self) -> "Client":
        for _ in range(FAMILIES):
            self._families.append((await self._party.sign_in(self._browser))["refresh_token"])
        return self

    async def refresh(self) -> None:
        form = {"grant_type": "refresh_token", "refresh_token": self._families.popleft()}
        self._families.append((await self._post("/token", form)).json()["refresh_token"])

    async def userinfo(self) -> None:
        header = {"Authorization": f"Bearer {self._tokens['access_token']}"}
        _expect_ok(await self._http.get(f"{self._party.system.client_edge}/userinfo", headers=header))

    async def introspect(self) -> None:
        response = await self._post("/introspect", {"token": self._tokens["access_token"]})
        assert response.json()["active"], response.text

    async def authorize(self) -> None:
        """Code and tokens of a user who is signed in already."""
        started = self._party.start()
        response = await self._browser.client.get(started.url)
        assert response.status_code in {302, 303}, response.text
        query = dict(httpx2.URL(response.headers["Location"]).params)
        form = {"grant_type": "authorization_code", "code": query["code"], "code_verifier": started.verifier}
        await self._post("/token", {**form, "redirect_uri": self._party.redirect_uri})

    async def _post(self, path: str, form: dict[str, str]) -> httpx2.Response:
        secret = (self._party.client_id, self._party.client_secret or "")
        return _expect_ok(await self._http.post(f"{self._party.system.client_edge}{path}", data=form, auth=secret))


def _expect_ok(response: httpx2.Response) -> httpx2.Response:
    assert response.status_code == 200, response.text
    return response


async def _operations(stack: Stack, browser: Browser, http: httpx2.AsyncClient) -> dict[str, Operation]:
    async def client() -> Client:
        return await Client.signed_in(stack, browser, http)

    machine = await RelyingParty.registered(stack, grant_types=["client_credentials"], redirect_uris=[], scope="x")
    secret = (machine.client_id, machine.client_secret or "")

    async def client_credentials() -> None:
        form = {"grant_type": "client_credentials"}
        _expect_ok(await http.post(f"{stack.client_edge}/token", data=form, auth=secret))

    async def sign_in() -> None:
        async with Browser(stack.issuer) as fresh:
            await party.sign_in(fresh)

    party = await RelyingParty.registered(stack, scope="openid profile email offline_access", consent="skip")
    return {
        "client credentials": Operation(send=client_credentials, rate=50, count=3 * REQUESTS),
        "introspection": Operation(send=(await client()).introspect, rate=50, count=2 * REQUESTS),
        "userinfo": Operation(send=(await client()).userinfo, rate=40, count=2 * REQUESTS),
        "refresh": Operation(send=(await (await client()).with_families()).refresh, rate=20),
        "code while signed in": Operation(send=(await client()).authorize, rate=8),
        "whole sign-in": Operation(send=sign_in, rate=4, count=40),
    }


async def _run(stack: Stack, postmaster: int, *, rounds: int, only: Iterable[str]) -> None:
    meter = Meter(stack, postmaster)
    async with Browser(stack.issuer) as browser, httpx2.AsyncClient() as http:
        operations = await _operations(stack, browser, http)
        chosen = {name: operation for name, operation in operations.items() if not only or name in only}
        for operation in chosen.values():
            await _paced(Operation(send=operation.send, rate=operation.rate, count=20))
        idle = await _idle(meter)
        measured: dict[str, list[dict[str, float]]] = {name: [] for name in chosen}
        for _ in range(rounds):
            for name, operation in chosen.items():
                measured[name].append(await _measure(meter, operation, idle))
    _print_table(measured)


def _print_table(measured: dict[str, list[dict[str, float]]]) -> None:
    print(f"{'CPU ms per request':22}" + "".join(f"{name:>20}" for name in (*_MEASURED, "all")))
    for name, rounds in measured.items():
        medians = [statistics.median(used[each] for used in rounds) for each in _MEASURED]
        total = statistics.median(sum(used.values()) for used in rounds)
        print(f"{name:22}" + "".join(f"{value:20.2f}" for value in (*medians, total)))


def main(arguments: list[str]) -> None:
    rounds = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else ROUNDS
    with (
        tempfile.TemporaryDirectory() as folder,
        own_postgres(Path(folder) / "postgresql") as postgres,
        running_stack(Path(folder) / "home", database_url=postgres.url) as stack,
    ):
        asyncio.run(_run(stack, postgres.pid, rounds=rounds, only=arguments))


if __name__ == "__main__":
    main(sys.argv[1:])
