"""Key sets of clients are kept for a short while, and never for a minute."""

import asyncio
import json
from typing import Any

import pytest

from libs.fetch.documents import CachedDocuments, lifetime
from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.fetcher import Fetched

pytestmark = pytest.mark.s(43)

URL = "https://client.test/keys"


class Publisher:
    """Clients' key sets, as a fetcher would bring them, and a clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.keys = ["old"]
        self.cache_control: str | None = None
        self.refusal: Reason | None = None
        self.asked: list[str] = []
        self.changed = asyncio.Condition()
        self.open = asyncio.Event()
        self.open.set()

    async def fetch(self, url: str) -> Fetched:
        self.asked.append(url)
        body = json.dumps(self.keys).encode()
        async with self.changed:
            self.changed.notify_all()
        await self.open.wait()
        if self.refusal:
            raise FetchRefused(self.refusal, "a detail")
        headers = {} if self.cache_control is None else {"cache-control": self.cache_control}
        return Fetched(body, "application/json", headers)

    async def until_asked(self, times: int) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: len(self.asked) == times)

    def documents(self, **options: Any) -> CachedDocuments[list[str]]:
        return CachedDocuments(self.fetch, json.loads, clock=lambda: self.now, **options)


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


def key(kid: str):
    return lambda keys: kid if kid in keys else None


async def test_fresh_document_is_fetched_once(publisher: Publisher):
    documents = publisher.documents(max_age=30)
    for seconds in (0, 10, 29.9):
        publisher.now = 1000 + seconds
        assert await documents.get(URL) == ["old"]
    assert len(publisher.asked) == 1
    publisher.now = 1030
    publisher.keys = ["new"]
    assert await documents.get(URL) == ["new"]


async def test_cache_lifetime_is_below_a_minute(publisher: Publisher):
    publisher.cache_control = "public, max-age=31536000, immutable"
    documents = publisher.documents()
    await documents.get(URL)
    publisher.keys = ["new"]
    publisher.now += 59
    assert await documents.get(URL) == ["new"]


async def test_cache_lifetime_starts_before_the_fetch(publisher: Publisher):
    publisher.open.clear()
    documents = publisher.documents(max_age=30)
    first = asyncio.create_task(documents.get(URL))
    await publisher.until_asked(1)
    publisher.now += 20
    publisher.open.set()
    await first
    publisher.now += 10
    await documents.get(URL)
    assert len(publisher.asked) == 2


@pytest.mark.parametrize(
    ("cache_control", "seconds"),
    [
        ("", 30),
        ("public", 30),
        ("max-age=10", 10),
        ('Max-Age="10"', 10),
        ("private, max-age = 10 , must-revalidate", 10),
        ("max-age=10, max-age=5", 5),
        ("max-age=9999999999999999999999", 30),
        ("max-age=0", 0),
        ("no-store", 0),
        ("max-age=10, no-cache", 0),
        ("max-age=-1", 0),
        ("max-age", 0),
        ("max-age=ten", 0),
        ("max-age=\N{ARABIC-INDIC DIGIT ONE}", 0),
        ("s-maxage=5", 30),
    ],
)
def test_cache_lifetime_follows_cache_control_within_the_limit(cache_control: str, seconds: float):
    assert lifetime(cache_control, 30) == seconds


async def test_unknown_key_triggers_a_new_fetch(publisher: Publisher):
    documents = publisher.documents()
    await documents.get(URL)
    publisher.keys = ["new"]
    assert await documents.find(URL, key("new")) == "new"
    assert await documents.find(URL, key("new")) == "new"
    assert len(publisher.asked) == 2


async def test_unknown_keys_trigger_one_fetch_per_cool_down(publisher: Publisher):
    documents = publisher.documents(cool_down=5)
    await documents.get(URL)
    for _ in range(10):
        assert await documents.find(URL, key("unknown")) is None
    assert len(publisher.asked) == 2
    publisher.now += 5
    await documents.find(URL, key("unknown"))
    assert len(publisher.asked) == 3


async def test_document_fetched_for_this_call_is_not_fetched_again(publisher: Publisher):
    publisher.cache_control = "no-store"
    documents = publisher.documents()
    assert await documents.find(URL, key("unknown")) is None
    assert len(publisher.asked) == 1


async def test_concurrent_callers_share_one_fetch(publisher: Publisher):
    publisher.open.clear()
    documents = publisher.documents()
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(documents.get(URL)) for _ in range(5)]
    tasks += [asyncio.create_task(documents.find(URL, lambda keys: keys)) for _ in range(5)]
    await publisher.until_asked(1)
    publisher.open.set()
    assert await asyncio.gather(*tasks) == [["old"]] * 10
    assert len(publisher.asked) == 1


async def test_concurrent_callers_that_miss_a_key_share_one_fetch(publisher: Publisher):
    documents = publisher.documents()
    await documents.get(URL)
    publisher.keys = ["new"]
    publisher.open.clear()
    tasks = [asyncio.create_task(documents.find(URL, key("new"))) for _ in range(5)]
    await publisher.until_asked(2)
    publisher.open.set()
    assert await asyncio.gather(*tasks) == ["new"] * 5
    assert len(publisher.asked) == 2


async def test_cancelled_caller_does_not_cancel_the_shared_fetch(publisher: Publisher):
    publisher.open.clear()
    documents = publisher.documents()
    impatient, patient = (asyncio.create_task(documents.get(URL)) for _ in range(2))
    await publisher.until_asked(1)
    impatient.cancel()
    await asyncio.wait({impatient})
    publisher.open.set()
    assert await patient == ["old"]


async def test_failure_is_cached_for_the_cool_down(publisher: Publisher):
    publisher.refusal = Reason.TIMEOUT
    documents = publisher.documents(cool_down=5)
    refusals = []
    for _ in range(3):
        with pytest.raises(FetchRefused) as refusal:
            await documents.find(URL, key("old"))
        refusals.append((refusal.value.reason, refusal.value.detail))
    assert refusals == [(Reason.TIMEOUT, "a detail")] * 3
    assert len(publisher.asked) == 1
    publisher.refusal = None
    publisher.now += 5
    assert await documents.find(URL, key("old")) == "old"


async def test_busy_failure_is_not_cached(publisher: Publisher):
    publisher.refusal = Reason.BUSY
    documents = publisher.documents()
    with pytest.raises(FetchRefused):
        await documents.get(URL)
    publisher.refusal = None
    assert await documents.get(URL) == ["old"]


async def test_failed_renewal_keeps_the_fresh_document_and_stale_one_is_not_used(publisher: Publisher):
    documents = publisher.documents(max_age=30)
    await documents.get(URL)
    publisher.refusal = Reason.UNREACHABLE
    with pytest.raises(FetchRefused):
        await documents.find(URL, key("new"))
    assert await documents.find(URL, key("old")) == "old"
    publisher.now += 30
    with pytest.raises(FetchRefused):
        await documents.find(URL, key("old"))


async def test_unparsable_document_is_not_cached(publisher: Publisher):
    def parse(body: bytes) -> Any:
        raise ValueError("no keys")

    documents: CachedDocuments[Any] = CachedDocuments(publisher.fetch, parse)
    for _ in range(2):
        with pytest.raises(ValueError, match="no keys"):
            await documents.get(URL)
    assert len(publisher.asked) == 2


async def test_least_recently_used_document_is_dropped(publisher: Publisher):
    documents = publisher.documents(max_documents=2)
    for name in ("a", "b", "a", "c", "a"):
        await documents.get(name)
    assert publisher.asked == ["a", "b", "c"]
    await documents.get("b")
    assert publisher.asked == ["a", "b", "c", "b"]


async def test_close_cancels_open_fetches(publisher: Publisher):
    publisher.open.clear()
    documents = publisher.documents()
    waiting = asyncio.create_task(documents.get(URL))
    await publisher.until_asked(1)
    await documents.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not documents._flights
