import asyncio
import re

import pytest

from libs.servicekit.base import trace

ID = "0af7651916cd43dd8448eb211c80319c"


def test_the_trace_of_a_caller_goes_on_with_a_span_of_its_own():
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
def test_without_a_trace_that_can_be_continued_a_new_one_begins(traceparent):
    begun = trace.begin(traceparent)
    assert re.fullmatch(r"[0-9a-f]{32}", begun)
    assert begun != ID
    assert trace.begin(traceparent) != begun


async def test_requests_side_by_side_have_traces_of_their_own():
    async def request() -> tuple[str, str]:
        begun = trace.begin()
        await asyncio.sleep(0)
        return begun, trace.current_id()

    seen = await asyncio.gather(*(request() for _ in range(20)))
    assert all(begun == current for begun, current in seen)
    assert len(set(seen)) == 20


async def test_outside_of_a_request_there_is_no_trace():
    import contextvars  # noqa: PLC0415

    assert contextvars.Context().run(trace.current) == ""
    assert contextvars.Context().run(trace.current_id) == ""
