"""Where a webhook may go: S43, and the one exception for development."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from pydantic import ValidationError

from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.fetcher import Fetcher
from libs.fetch.policy import FetchPolicy
from services.event_bridge.adapters.http_post import FetcherPost
from services.event_bridge.config import EventBridgeSettings
from services.event_bridge.domain.deliveries import Answer
from tests.storage.event_bridge.world import Clock


class Names:
    """Resolves every name to what it is told, another one each time."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = list(addresses)

    async def resolve(self, host: str) -> list[str]:
        return [self._addresses.pop(0)]

    async def close(self) -> None:
        pass


@pytest.mark.s(43)
@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://a.example/hook", Reason.SCHEME),
        ("ftp://a.example/hook", Reason.SCHEME),
        ("https://user@a.example/", Reason.USERINFO),
        ("https://a.example:8443/", Reason.PORT),
        ("https://127.0.0.1/", Reason.ADDRESS_FORBIDDEN),
        ("https://169.254.169.254/latest", Reason.ADDRESS_FORBIDDEN),
        ("https://[::1]/", Reason.ADDRESS_FORBIDDEN),
        ("https://0x7f.1/", Reason.URL_MALFORMED),
    ],
)
def test_what_is_never_fetched_is_refused_when_it_is_registered(url, reason):
    with pytest.raises(FetchRefused) as refusal:
        Fetcher(FetchPolicy()).check(url)
    assert refusal.value.reason is reason


@pytest.mark.s(43)
@pytest.mark.parametrize("url", ["http://localhost:9000/hook", "http://127.0.0.1:1/", "https://[::1]:8443/"])
def test_development_reaches_loopback_and_nothing_else_gains_by_it(url):
    fetcher = Fetcher(FetchPolicy(loopback=True))
    fetcher.check(url)
    for other in ("http://a.example/", "http://10.0.0.1/", "https://a.example:8443/", "http://localhost.example/"):
        with pytest.raises(FetchRefused):
            fetcher.check(other)


@pytest.mark.s(43)
@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00:ec2::254"])
async def test_a_name_that_turns_into_a_private_address_is_not_followed(address):
    """DNS rebinding: what was registered resolved well; each attempt is judged by what it resolves to then."""
    fetcher = Fetcher(FetchPolicy(), resolver=Names(address))
    answer = await FetcherPost(fetcher, clock=Clock())("https://a.example/", b"{}", {})
    assert (answer.status, answer.error) == (None, "ADDRESS_FORBIDDEN")


@pytest.mark.s(43)
async def test_localhost_in_development_is_loopback_whatever_the_resolver_says():
    fetcher = Fetcher(FetchPolicy(loopback=True), resolver=Names("192.0.2.1"))
    answer = await FetcherPost(fetcher, clock=Clock())("http://localhost:9/", b"{}", {})
    assert answer.error == "ADDRESS_FORBIDDEN"


@asynccontextmanager
async def answering(raw: bytes) -> AsyncIterator[str]:
    """A receiver that answers once and then waits until the other side hangs up; its URL."""
    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        with suppress(ConnectionError):
            await writer.drain()
            await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with asyncio.timeout(10):
            await ended.wait()


async def what_came_of(url: str) -> Answer:
    fetcher = Fetcher(FetchPolicy(loopback=True))
    answer = await FetcherPost(fetcher, clock=Clock())(url, b"{}", {})
    await fetcher.close()
    return answer


@pytest.mark.s(43)
async def test_a_redirect_is_an_answer_that_failed_and_leads_nowhere():
    moved = b"HTTP/1.1 307 Moved\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    async with answering(moved) as url:
        answer = await what_came_of(url)
    assert (answer.status, answer.error) == (None, "REDIRECT")


async def test_of_an_answer_that_never_ends_the_status_counts():
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nRetry-After: 7\r\n\r\nbegins") as url:
        answer = await what_came_of(url)
    assert (answer.status, answer.excerpt) == (200, "begins")
    assert answer.retry_after is not None


@pytest.mark.parametrize("issuer", ["https://login.example.com", "https://localhost.example.com:8080"])
def test_loopback_is_for_development_only(issuer, tmp_path):
    file = tmp_path / "file"
    file.write_text("A" * 43)
    told = {
        "issuer": issuer,
        "tls_ca": file,
        "tls_certificate": file,
        "tls_key": file,
        "grpc_listen": "127.0.0.1:0",
        "http_listen": "127.0.0.1:0",
        "database_url": "sqlite+aiosqlite:////nowhere",
        "nats_url": "nats://127.0.0.1:1",
        "webhook_sealing_key_file": file,
        "webhook_loopback": True,
    }
    with pytest.raises(ValidationError, match="LOOPBACK"):
        EventBridgeSettings.model_validate(told)
    for development in ("http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost"):
        assert EventBridgeSettings.model_validate({**told, "issuer": development}).webhook_policy().loopback
