import asyncio
import re

import pytest

from libs.servicekit.base import trace

ID = "0af7651916cd43dd8448eb211c80319c"


def test_begin_continues_the_trace_of_the_caller_with_a_new_span():
    assert trace.begin(f"00-{ID}-b7ad6b7169203331-01") == ID
    assert trace.current_id() == ID
    assert re.fullmatch(rf"00-{ID}-[0-9a-f]{{16}}-01", trace.current())
    assert "b7ad6b7169203331" not in trace.current()


@pytest.mark.parametrize(
    "traceparent",
    [
        None,
        "",
        "nonsense",
        ID,
        f"00-{ID}",
        f"00-{ID[:-1]}-b7ad6b7169203331-01",
        f"00-{ID.upper()}-b7ad6b7169203331-01",
        f"00-{'g' * 32}-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{ID[:-1]}\n-b7ad6b7169203331-01",
        f"00-{ID}-b7ad6b7169203331-01-extra",
    ],
)
def test_begin_starts_a_new_trace_when_traceparent_is_missing_or_malformed(traceparent):
    begun = trace.begin(traceparent)
    assert re.fullmatch(r"[0-9a-f]{32}", begun)
    assert begun != ID
    assert trace.begin(traceparent) != begun


async def test_concurrent_requests_have_separate_traces():
    async def request() -> tuple[str, str]:
        begun = trace.begin()
        await asyncio.sleep(0)
        return begun, trace.current_id()

    seen = await asyncio.gather(*(request() for _ in range(20)))
    assert all(begun == current for begun, current in seen)
    assert len(set(seen)) == 20


async def test_trace_is_empty_outside_of_a_request():
    import contextvars  # noqa: PLC0415

    assert contextvars.Context().run(trace.current) == ""
    assert contextvars.Context().run(trace.current_id) == ""
