"""Checks services, databases, NATS and keys concurrently. An unavailable part is reported; it raises no error."""

import asyncio
import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from latchkey.keys.v1 import keys_pb2
from latchkey.keys.v1.keys_pb2_grpc import VerificationKeyServiceStub
from latchkey_sdk import LatchkeyError
from latchkey_sdk.connection import Connection as NatsConnection
from latchkey_sdk.filters import EVENTS, TOKENS
from libs.cli.admin import service, when
from libs.cli.connection import OPTIONAL, SERVICES, Connection
from libs.cli.errors import CliError
from libs.cli.output import moment
from libs.oauth.errors import OAuthError

SECONDS = 4.0
NATS_SECONDS = 1.5
_MAX_BYTES = 100_000


async def examine(found: Connection) -> dict[str, Any]:
    """The report of `latchkey status --json`. `ready` is true when all parts are ready."""
    names = [name for name in SERVICES if name in found.ops or name in found.grpc]
    reports, nats, keys = await asyncio.gather(
        asyncio.gather(*(_service(name, found) for name in names)), _nats(found), _keys(found)
    )
    services = dict(zip(names, reports, strict=True))
    databases = {
        name: {"ready": check["ok"], "detail": check["detail"]}
        for name, report in services.items()
        if (check := report["checks"].get("database"))
    }
    wanted = [report for name, report in services.items() if name not in OPTIONAL or report["checks"]]
    everything = [*wanted, *databases.values(), nats, keys]
    return {
        "ready": all(each["ready"] for each in everything),
        "source": found.source,
        "issuer": found.issuer,
        "services": services,
        "databases": databases,
        "nats": nats,
        "keys": keys,
    }


async def _service(name: str, found: Connection) -> dict[str, Any]:
    if name in found.ops:
        return await asyncio.to_thread(_readiness, f"http://{found.ops[name]}/readyz")
    try:
        async with asyncio.timeout(SECONDS), service(name, found) as channel:
            await channel.channel_ready()
    except TimeoutError:
        return _report(ready=False, detail=f"no response at {found.grpc[name]}")
    except CliError as error:
        return _report(ready=False, detail=error.message)
    return _report(ready=True, detail=f"responds at {found.grpc[name]}")


def _readiness(url: str) -> dict[str, Any]:
    """The report of /readyz: 200 or 503, with JSON."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=SECONDS) as answer:
            body = answer.read(_MAX_BYTES)
    except HTTPError as error:
        body = error.read(_MAX_BYTES)
    except OSError as error:
        reason = getattr(error, "reason", error)  # URLError wraps the cause
        return _report(ready=False, detail=f"no response at {url}: {getattr(reason, 'strerror', None) or reason}")
    try:
        report = json.loads(body)
        checks = {str(name): dict(check) for name, check in report["checks"].items()}
        return _report(ready=report["ready"] is True, detail=_summary(checks), checks=checks)
    except (ValueError, LookupError, TypeError, AttributeError):
        return _report(ready=False, detail=f"{url} did not return a readiness report")


def _report(*, ready: bool, detail: str, checks: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"ready": ready, "detail": detail, "checks": checks or {}}


def _summary(checks: dict[str, dict[str, Any]]) -> str:
    """The failed checks; empty when all passed."""
    return ", ".join(
        f"{name}: {check.get('detail') or 'failed'}" for name, check in checks.items() if not check.get("ok")
    )


async def _nats(found: Connection) -> dict[str, Any]:
    if not found.nats_url:
        return {"ready": False, "url": "", "detail": "URL unknown: set LATCHKEY_NATS_URL", "streams": {}}
    connection = NatsConnection(
        servers=found.nats_url, creds=found.nats_creds, inbox_prefix=None, on_reconnect=lambda: None
    )
    try:
        await connection.open(timeout=NATS_SECONDS)
    except LatchkeyError as error:
        return {"ready": False, "url": found.nats_url, "detail": str(error), "streams": {}}
    answer: dict[str, Any] = {"ready": False, "url": found.nats_url, "streams": {}}
    try:
        answer["streams"] = {name: await _events_in(connection, name) for name in (EVENTS, TOKENS)}
    except Exception as error:  # noqa: BLE001 - any error is reported as the state of the streams
        return answer | {"detail": f"streams: {error}"}
    finally:
        await connection.close()
    kept = ", ".join(f"{count} in {name}" for name, count in answer["streams"].items())
    return answer | {"ready": True, "detail": f"events: {kept}"}


async def _events_in(connection: NatsConnection, stream: str) -> int:
    info = await connection.unless_failed(connection.jetstream.stream_info(stream), timeout=SECONDS)
    return int(info.state.messages)


async def _keys(found: Connection) -> dict[str, Any]:
    try:
        async with asyncio.timeout(SECONDS), service("key-rotation", found) as channel:
            stub = VerificationKeyServiceStub(channel)
            answer = await stub.ListVerificationKeys(keys_pb2.ListVerificationKeysRequest())
    except TimeoutError:
        return {"ready": False, "detail": "no response from key-rotation", "keys": []}
    except (CliError, OAuthError) as error:
        return {"ready": False, "detail": str(error), "keys": []}
    keys = [_key(key) for key in answer.keys]
    without = sorted({key["alg"] for key in keys} - {key["alg"] for key in keys if key["state"] == "active"})
    if not keys or without:
        return {"ready": False, "detail": f"no active key {' '.join(without)}".strip(), "keys": keys}
    return {"ready": True, "detail": "", "keys": keys}


def _key(key: keys_pb2.VerificationKey) -> dict[str, str]:
    state = keys_pb2.KeyState.Name(key.state).removeprefix("KEY_STATE_").lower()
    at = key.activates_at if key.HasField("activates_at") else None
    if at and state == "next":
        detail = f"signs from {moment(when(at))}"
    elif at:
        detail = f"since {moment(when(at))}"
    else:
        detail = f"published {moment(when(key.published_at))}"
    return {"kid": key.kid, "alg": key.alg, "state": state, "detail": detail}
