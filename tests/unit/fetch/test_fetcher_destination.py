"""A fetch connects to what was judged, and to nothing else."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
import uvloop

from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.fetcher import Fetcher
from libs.fetch.policy import AllowedHost, FetchPolicy
from tests.unit.fetch.certificates import Authority
from tests.unit.fetch.conftest import PATIENT, World
from tests.unit.fetch.outside import ANOTHER_PUBLIC, HOST, PUBLIC, Names, answer, says, serving

pytestmark = pytest.mark.s(43)


def allowing(authority: Authority, *hosts: str) -> FetchPolicy:
    listed = frozenset(map(AllowedHost.parse, hosts))
    return FetchPolicy(allowed_private_hosts=listed, extra_ca=authority.pem, **PATIENT)  # type: ignore[arg-type]


async def test_dns_rebinding_does_not_change_the_connection(world: World):
    await world.host(says(answer()))
    private = await world.serve(says(answer()), world.authority.server(HOST))
    world.routes.to["127.0.0.1"] = private.port
    world.names.answers[HOST] = [[PUBLIC], ["127.0.0.1"]]
    fetcher = world.fetcher()
    await fetcher.get(f"https://{HOST}/")
    assert (world.names.asked, world.routes.dialled) == ([HOST], [(PUBLIC, 443)])
    with pytest.raises(FetchRefused) as refusal:  # and the next fetch is judged by the next answer
        await fetcher.get(f"https://{HOST}/")
    assert refusal.value.reason is Reason.ADDRESS_FORBIDDEN
    assert (private.connections, len(world.routes.dialled)) == (0, 1)


async def test_name_is_resolved_once_per_fetch(world: World, monkeypatch: pytest.MonkeyPatch):
    await world.host(says(answer()))
    answers = [PUBLIC, "127.0.0.1"]
    asked: list[Any] = []

    def getaddrinfo(host: Any, *_: Any, **__: Any) -> Any:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers[len(asked) - 1], 0))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    fetcher = Fetcher(FetchPolicy(extra_ca=world.authority.pem, **PATIENT))  # type: ignore[arg-type]
    await fetcher.get(f"https://{HOST}/")
    await fetcher.close()
    assert (asked, world.routes.dialled) == ([HOST], [(PUBLIC, 443)])


@pytest.mark.parametrize(
    "addresses",
    [
        [PUBLIC, "127.0.0.1"],
        ["10.0.0.1", PUBLIC],
        [PUBLIC, ANOTHER_PUBLIC, "::1"],
        [PUBLIC, f"::ffff:{PUBLIC}"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["::"],
    ],
)
async def test_name_with_one_forbidden_address_is_refused(world: World, addresses: list[str]):
    world.names.answers[HOST] = [addresses]
    assert (await world.refusal()).reason is Reason.ADDRESS_FORBIDDEN
    assert world.routes.dialled == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:7f00:1]", "0.0.0.0"])
async def test_literal_non_public_address_is_refused(world: World, host: str):
    assert (await world.refusal(f"https://{host}/")).reason is Reason.ADDRESS_FORBIDDEN
    assert (world.names.asked, world.routes.dialled) == ([], [])


async def test_literal_public_address_is_not_resolved(world: World):
    await world.host(says(answer()), world.authority.server(PUBLIC))
    await world.fetcher().get(f"https://{PUBLIC}/")
    assert (world.names.asked, world.routes.dialled) == ([], [(PUBLIC, 443)])


async def test_next_address_is_tried_when_one_is_unreachable(world: World):
    await world.host(says(answer()))
    world.names.answers[HOST] = [["1.1.1.1", PUBLIC]]
    await world.fetcher().get(f"https://{HOST}/")
    assert world.routes.dialled == [("1.1.1.1", 443), (PUBLIC, 443)]


async def test_refused_url_is_not_resolved(world: World):
    assert (await world.refusal(f"https://{HOST}:8443/")).reason is Reason.PORT
    assert (await world.refusal(f"http://{HOST}/")).reason is Reason.SCHEME
    assert world.names.asked == []


async def test_unknown_name_is_unresolved(world: World):
    assert (await world.refusal("https://unknown.test/")).reason is Reason.UNRESOLVED


async def test_proxies_and_netrc_are_not_used(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    proxy = await world.serve(says(answer()), None)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WSS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{proxy.port}")
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {HOST} login user password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    world.routes.to["127.0.0.1"] = proxy.port
    server = await world.host(says(answer()))
    await world.fetcher().get(f"https://{HOST}/")
    assert (proxy.connections, world.routes.dialled) == (0, [(PUBLIC, 443)])
    assert "authorization" not in server.requests[0].headers


async def test_only_allowed_private_hosts_are_reached_on_loopback(authority: Authority):
    names = Names({"listed.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]]})
    async with serving(says(answer()), authority.server("listed.test", "other.test")) as server:
        fetcher = Fetcher(allowing(authority, f"listed.test:{server.port}"), resolver=names)
        await fetcher.get(f"https://listed.test:{server.port}/")
        assert server.requests[0].headers["host"] == f"listed.test:{server.port}"
        with pytest.raises(FetchRefused) as refusal:
            await fetcher.get(f"https://other.test:{server.port}/")
        assert refusal.value.reason is Reason.PORT
        assert server.connections == 1


async def test_system_resolver_reads_the_hosts_file(authority: Authority):
    async with serving(says(answer()), authority.server("localhost")) as server:
        fetcher = Fetcher(allowing(authority, f"localhost:{server.port}"))
        assert (await fetcher.get(f"https://localhost:{server.port}/")).body == b"{}"
        await fetcher.close()


def test_fetcher_works_with_uvloop(authority: Authority):
    async def fetch() -> None:
        async with serving(says(answer()), authority.server("127.0.0.1")) as server:
            fetcher = Fetcher(allowing(authority, f"127.0.0.1:{server.port}"))
            assert (await fetcher.get(f"https://127.0.0.1:{server.port}/")).body == b"{}"
            await server.until(lambda: server.open == 0)
            await fetcher.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(fetch())
