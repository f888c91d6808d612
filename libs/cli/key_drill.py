"""Key rotation drill: rotates the signing keys and checks the published key set."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from urllib.request import ProxyHandler, build_opener

from libs.cli import keys
from libs.cli.connection import Connection
from libs.cli.errors import CliError

SECONDS = 40.0
"""Time limit for a new key to appear in the published key set, also without NATS."""
_POLL_SECONDS = 0.5
_ANSWER_SECONDS = 4.0
_MAX_BYTES = 100_000


async def drill(found: Connection, alg: str, *, watch: float = 0) -> dict[str, Any]:
    """Rotates the keys of `alg` (empty: all) and reports the checks.

    The report also lists the clients that presented tokens signed by retired keys. `watch`: seconds to wait for them.

    Raises:
        CliError: the key set cannot be read, or the issuer is unknown.
        OAuthError: a service returned an error.
    """
    if not found.issuer:
        raise CliError(f"{found.source} has no issuer: set LATCHKEY_ISSUER")
    before = _in_order(await keys.every(found), alg)
    known = await _published(found)
    steps = [_step("every algorithm has an active and a next key", _complete(before))]
    steps.append(_step("the key set contains both", _lacking(before, known)))
    rotated, _scheduled = await keys.rotate(found, alg)
    after = _in_order(rotated, alg)
    expected = {key["alg"]: key["kid"] for key in before if key["state"] == "next"}
    for key in after:
        if key["state"] == "active":
            late = "" if key["kid"] == expected.get(key["alg"]) else _when(after, key["alg"])
            steps.append(_step(f"{key['alg']}: the next key is active", late))
    present = [key for key in _in_order(await keys.every(found), alg) if key["state"] in {"active", "next", "retiring"}]
    steps.append(_step("the key set contains the new and the old keys", await _until_published(found, present)))
    await asyncio.sleep(watch)
    clients = await _clients(found, {key["kid"] for key in present if key["state"] in {"active", "next"}})
    return {"passed": all(step["ok"] for step in steps), "steps": steps, "keys": present, "clients": clients}


async def _clients(found: Connection, serving: set[str]) -> list[dict[str, Any]]:
    listed = map(keys.use_as_json, await keys.retired_key_uses(found))
    return [use for use in listed if use["kid"] not in serving]


def _step(what: str, trouble: str) -> dict[str, Any]:
    return {"what": what, "ok": not trouble, "detail": trouble}


def _in_order(listed: Sequence[Any], alg: str) -> list[dict[str, Any]]:
    return [key for key in map(keys.as_json, listed) if alg in {"", key["alg"]}]


def _complete(listed: Sequence[dict[str, Any]]) -> str:
    states = {(key["alg"], key["state"]) for key in listed}
    lacking = [
        f"{each} has no {state} key"
        for each in sorted({key["alg"] for key in listed})
        for state in ("active", "next")
        if (each, state) not in states
    ]
    return ", ".join(lacking) if listed else "there are no keys"


def _lacking(listed: Sequence[dict[str, Any]], published: set[str]) -> str:
    missing = [key["kid"] for key in listed if key["state"] in {"active", "next"} and key["kid"] not in published]
    return f"not in the key set: {', '.join(missing)}" if missing else ""


def _when(listed: Sequence[dict[str, Any]], alg: str) -> str:
    turns = [key.get("activates_at", "") for key in listed if (key["alg"], key["state"]) == (alg, "next")]
    return (
        f"not before {turns[0]}: the key was published too recently"
        if turns and turns[0]
        else "the rotation did not happen"
    )


async def _until_published(found: Connection, present: Sequence[dict[str, Any]]) -> str:
    wanted = {key["kid"] for key in present}
    try:
        async with asyncio.timeout(SECONDS):
            while not wanted <= await _published(found):  # noqa: ASYNC110 - of another process
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        return f"keys still missing after {SECONDS:g} s"
    return ""


async def _published(found: Connection) -> set[str]:
    """The key IDs in the published key set."""
    url = f"{found.issuer}/jwks"
    try:
        return await asyncio.to_thread(_kids, url)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CliError(f"the key set at {url} cannot be read: {error}") from None


def _kids(url: str) -> set[str]:
    with build_opener(ProxyHandler({})).open(url, timeout=_ANSWER_SECONDS) as answer:
        return {str(key["kid"]) for key in json.loads(answer.read(_MAX_BYTES))["keys"]}
