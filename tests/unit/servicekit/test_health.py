import asyncio
import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import metrics
from libs.servicekit.base.service import Check, CheckResult, Service
from libs.servicekit.process import ops


def saying(result: CheckResult | BaseException) -> Check:
    async def check() -> CheckResult:
        if isinstance(result, BaseException):
            raise result
        return result

    return check


async def report(**checks: Check) -> tuple[int, dict[str, Any]]:
    app = ops.application(ops.Health("token", Service(checks=checks)))
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/readyz")
        return answer.status, await answer.json()


async def test_service_is_ready_without_checks():
    assert await report() == (200, {"service": "token", "ready": True, "stopping": False, "checks": {}})


async def test_readyz_reports_every_check():
    status, body = await report(database=saying(CheckResult(ok=True, detail="sqlite")))
    assert status == 200
    assert body["checks"] == {"database": {"ok": True, "detail": "sqlite", "required": True}}


@pytest.mark.s(66)
async def test_service_is_unready_when_a_required_check_fails():
    status, body = await report(
        database=saying(CheckResult(ok=True)), keys=saying(CheckResult(ok=False, detail="too old"))
    )
    assert status == 503
    assert not body["ready"]
    assert body["checks"]["keys"] == {"ok": False, "detail": "too old", "required": True}


async def test_service_stays_ready_when_an_optional_check_fails():
    status, body = await report(bus=saying(CheckResult(ok=False, detail="away", required=False)))
    assert status == 200
    assert body["ready"]
    assert not body["checks"]["bus"]["ok"]


@pytest.mark.s(60, 66)
@pytest.mark.parametrize("error", [TemporarilyUnavailable(), ValueError("hunter2"), OSError("hunter2")])
async def test_check_that_raises_fails_without_its_text_in_the_report(error):
    status, body = await report(database=saying(error))
    assert status == 503
    assert body["checks"]["database"]["detail"] == type(error).__name__
    assert "hunter2" not in json.dumps(body)


async def test_check_fails_when_it_times_out(monkeypatch):
    async def hang() -> CheckResult:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(ops, "CHECK_SECONDS", 0.01)
    status, body = await report(database=hang, bus=saying(CheckResult(ok=True)))
    assert status == 503
    assert body["checks"]["database"]["detail"] == "TimeoutError"
    assert body["checks"]["bus"]["ok"]


async def test_stopping_service_is_alive_and_not_ready():
    health = ops.Health("token", Service())
    health.stopping = True
    async with TestClient(TestServer(ops.application(health))) as client:
        assert (await client.get("/livez")).status == 200
        answer = await client.get("/readyz")
        assert (answer.status, (await answer.json())["stopping"]) == (503, True)


async def test_metrics_have_the_prometheus_format():
    metrics.OUTBOX_BACKLOG.set(7)
    async with TestClient(TestServer(ops.application(ops.Health("token", Service())))) as client:
        answer = await client.get("/metrics")
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        lines = (await answer.text()).splitlines()
    assert "# TYPE latchkey_rpc_seconds histogram" in lines
    assert "latchkey_outbox_backlog 7.0" in lines


async def test_ops_listener_serves_no_other_path():
    async with TestClient(TestServer(ops.application(ops.Health("token", Service())))) as client:
        for path in ("/", "/debug", "/livez/", "/metrics/x"):
            assert (await client.get(path)).status == 404
        assert (await client.post("/livez")).status == 405
