import logging
import subprocess
import sys
from datetime import datetime

import pytest

from libs.servicekit.base import logs, trace
from tests.support.log_lines import captured_log

_log = logs.get("some.module")


def test_log_line_contains_event_time_service_and_trace_id():
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


def test_log_line_below_the_level_is_not_written():
    with captured_log(level="warning") as log:
        _log.info("quiet")
        _log.debug("quieter")
        _log.error("loud")
    assert log.messages() == ["loud"]


def test_library_warnings_use_the_same_log_format():
    with captured_log() as log:
        logging.getLogger("aiohttp.server").warning("odd %s", "request")
        logging.getLogger("alembic").info("chatter")
    (record,) = log.records
    assert (record["event"], record["level"], record["service"]) == ("odd request", "warning", "token")


def fail(password: str) -> None:
    raise RuntimeError(f"no {len(password)}")


@pytest.mark.parametrize("whose", ["ours", "a library's"])
def test_exception_is_logged_in_one_json_line_with_traceback(whose):
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
def test_logged_traceback_contains_no_local_variables(style, whose):
    with captured_log(style) as log:
        try:
            fail("canary-" + str(1))
        except RuntimeError:
            (_log if whose == "ours" else logging.getLogger("aiohttp.server")).exception("It failed")
    assert "RuntimeError" in log.text
    assert "canary-1" not in log.text


def test_log_line_escapes_newlines():
    with captured_log() as log:
        _log.info('end\n{"event": "forged"}', value='"\n{}')
    assert len(log.records) == 1


def test_exception_passed_as_exc_info_is_logged():
    with captured_log() as log:
        _log.error("A part failed", exc_info=ValueError("why"))
    assert "ValueError: why" in log.records[0]["exception"]


def test_log_line_that_cannot_be_written_is_counted_and_ends_nothing():
    program = (
        "from libs.servicekit.base import logs, metrics\n"
        "import logging\n"
        "logs.configure('token', level='info', style='json')\n"
        "logs.get('m').warning('some.event', message='A sentence')\n"
        "logging.getLogger('library').warning('something odd')\n"
        "print(metrics.LOG_LINES_LOST._value.get() >= 2)\n"
    )
    with open("/dev/full", "w", encoding="ascii") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-c", program], stderr=full, stdout=subprocess.PIPE, text=True, check=True, timeout=60
        )
    assert done.stdout == "True\n"
