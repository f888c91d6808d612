"""Health and metrics over plain HTTP, for the platform: /livez, /readyz and /metrics."""

import asyncio

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from libs.servicekit.base.service import CHECK_SECONDS, Check, CheckResult, Service


class Health:
    """Readiness of the process; `stopping` makes it unready before it stops."""

    def __init__(self, name: str, service: Service) -> None:
        self._name = name
        self._checks = service.checks
        self.stopping = False

    async def report(self) -> tuple[bool, dict[str, object]]:
        """Return whether the process is ready, and the JSON report of all checks."""
        results = dict(
            zip(self._checks, await asyncio.gather(*(_run(check) for check in self._checks.values())), strict=True)
        )
        ready = not self.stopping and all(result.ok or not result.required for result in results.values())
        checks = {
            name: {"ok": result.ok, "detail": result.detail, "required": result.required}
            for name, result in results.items()
        }
        return ready, {"service": self._name, "ready": ready, "stopping": self.stopping, "checks": checks}


async def _run(check: Check) -> CheckResult:
    try:
        return await asyncio.wait_for(check(), CHECK_SECONDS)
    except Exception as error:  # noqa: BLE001 - a check that raises any exception has failed
        return CheckResult(ok=False, detail=type(error).__name__)


def application(health: Health) -> web.Application:
    async def livez(_request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readyz(_request: web.Request) -> web.Response:
        ready, report = await health.report()
        return web.json_response(report, status=200 if ready else 503)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app
