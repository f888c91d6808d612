"""Permitted webhook URLs (docs/security.md, S43), and the exception for development."""

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
from services.event_bridge.domain.deliveries import AttemptResult
from tests.storage.event_bridge.world import Clock


class Names:
    """A resolver that returns the given addresses, one for each call."""

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
def test_forbidden_url_is_refused(url, reason):
    with pytest.raises(FetchRefused) as refusal:
        Fetcher(FetchPolicy()).check(url)
    assert refusal.value.reason is reason


@pytest.mark.s(43)
@pytest.mark.parametrize("url", ["http://localhost:9000/hook", "http://127.0.0.1:1/", "https://[::1]:8443/"])
def test_loopback_setting_permits_loopback_urls_only(url):
    fetcher = Fetcher(FetchPolicy(loopback=True))
    fetcher.check(url)
    for other in ("http://a.example/", "http://10.0.0.1/", "https://a.example:8443/", "http://localhost.example/"):
        with pytest.raises(FetchRefused):
            fetcher.check(other)


@pytest.mark.s(43)
@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00:ec2::254"])
async def test_request_is_refused_when_the_name_resolves_to_a_private_address(address):
    """DNS rebinding: the address is checked at each attempt, not only when the webhook is created."""
    fetcher = Fetcher(FetchPolicy(), resolver=Names(address))
    answer = await FetcherPost(fetcher, clock=Clock())("https://a.example/", b"{}", {})
    assert (answer.status, answer.error) == (None, "ADDRESS_FORBIDDEN")


@pytest.mark.s(43)
async def test_localhost_is_refused_when_it_resolves_to_another_address():
    fetcher = Fetcher(FetchPolicy(loopback=True), resolver=Names("192.0.2.1"))
    answer = await FetcherPost(fetcher, clock=Clock())("http://localhost:9/", b"{}", {})
    assert answer.error == "ADDRESS_FORBIDDEN"


@asynccontextmanager
async def answering(raw: bytes) -> AsyncIterator[str]:
    """Yield the URL of a receiver that sends `raw` and then waits until the client disconnects."""
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


async def result_of(url: str) -> AttemptResult:
    fetcher = Fetcher(FetchPolicy(loopback=True))
    answer = await FetcherPost(fetcher, clock=Clock())(url, b"{}", {})
    await fetcher.close()
    return answer


@pytest.mark.s(43)
async def test_redirect_is_a_failed_attempt_and_is_not_followed():
    moved = b"HTTP/1.1 307 Moved\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    async with answering(moved) as url:
        answer = await result_of(url)
    assert (answer.status, answer.error) == (None, "REDIRECT")


async def test_status_counts_when_the_response_body_does_not_end():
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nRetry-After: 7\r\n\r\nbegins") as url:
        answer = await result_of(url)
    assert (answer.status, answer.excerpt) == (200, "begins")
    assert answer.retry_after is not None


@pytest.mark.parametrize("issuer", ["https://login.example.com", "https://localhost.example.com:8080"])
def test_settings_refuse_loopback_webhooks_when_the_issuer_is_public(issuer, tmp_path):
    file = tmp_path / "file"
    file.write_text("A" * 43)
    values = {
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
        EventBridgeSettings.model_validate(values)
    for development in ("http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost"):
        assert EventBridgeSettings.model_validate({**values, "issuer": development}).webhook_policy().loopback
