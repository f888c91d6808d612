import logging
from datetime import datetime

import pytest

from libs.servicekit.base import logs, trace
from tests.support.log_lines import captured_log

_log = logs.get("some.module")


def test_a_line_says_what_when_who_and_in_which_trace():
    with captured_log() as log:
        trace_id = trace.begin()
        _log.warning("Something happened", count=7)
    (record,) = log.records
    assert datetime.fromisoformat(record.pop("timestamp")).tzinfo
    assert record == {
        "event": "Something happened",
        "level": "warning",
        "service": "token",
        "module": "some.module",
        "trace_id": trace_id,
        "count": 7,
    }


def test_less_than_the_level_is_not_written():
    with captured_log(level="warning") as log:
        _log.info("quiet")
        _log.debug("quieter")
        _log.error("loud")
    assert log.messages() == ["loud"]


def test_warnings_of_libraries_are_lines_like_our_own():
    with captured_log() as log:
        logging.getLogger("aiohttp.server").warning("odd %s", "request")
        logging.getLogger("alembic").info("chatter")
    (record,) = log.records
    assert (record["event"], record["level"], record["service"]) == ("odd request", "warning", "token")


def fail(password: str) -> None:
    raise RuntimeError(f"no {len(password)}")


@pytest.mark.parametrize("whose", ["ours", "a library's"])
def test_an_exception_is_one_line_of_json_with_its_traceback(whose):
    with captured_log() as log:
        try:
            fail("canary-1")
        except RuntimeError:
            (_log if whose == "ours" else logging.getLogger("aiohttp.server")).exception("It failed")
    (record,) = log.records
    assert "RuntimeError: no 8" in record["exception"]
    assert record["exception"].startswith("Traceback")
    assert "exc_info" not in record


@pytest.mark.s(60)
@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("whose", ["ours", "a library's"])
def test_a_traceback_shows_no_local_variable(style, whose):
    with captured_log(style) as log:
        try:
            fail("canary-" + str(1))
        except RuntimeError:
            (_log if whose == "ours" else logging.getLogger("aiohttp.server")).exception("It failed")
    assert "RuntimeError" in log.text
    assert "canary-1" not in log.text


def test_a_line_cannot_be_forged():
    with captured_log() as log:
        _log.info('end\n{"event": "forged"}', value='"\n{}')
    assert len(log.records) == 1


def test_a_failure_that_is_handed_over_is_written():
    with captured_log() as log:
        _log.error("A part failed", exc_info=ValueError("why"))
    assert "ValueError: why" in log.records[0]["exception"]
