"""A rotation on purpose, looked at from outside: as an application would see it."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from urllib.request import ProxyHandler, build_opener

from libs.cli import keys
from libs.cli.connection import Connection
from libs.cli.errors import CliError

SECONDS = 40.0
"""How long the browser edge may take to hear of a new key, even without the bus."""
_POLL_SECONDS = 0.5
_ANSWER_SECONDS = 4.0
_MOST_BYTES = 100_000


async def drill(found: Connection, alg: str, *, watch: float = 0) -> dict[str, Any]:
    """Steps, each with what was found, and whether all of them are as they should be. Raises CliError, OAuthError.

    Then the clients that have shown us tokens of keys that sign no more, since the drill began or before; for `watch`
    seconds it is waited for them.
    """
    if not found.issuer:
        raise CliError(f"{found.source} does not say what the issuer is: set LATCHKEY_ISSUER")
    before = _in_order(await keys.every(found), alg)
    known = await _published(found)
    steps = [_step("every algorithm has a key that signs and one that follows", _complete(before))]
    steps.append(_step("everybody can have both already", _lacking(before, known)))
    after = _in_order(await keys.rotate(found, alg), alg)
    former = {key["alg"]: key["kid"] for key in before if key["state"] == "next"}
    for key in after:
        if key["state"] == "active":
            late = "" if key["kid"] == former.get(key["alg"]) else _when(after, key["alg"])
            steps.append(_step(f"{key['alg']}: the key that followed signs now", late))
    present = [key for key in _in_order(await keys.every(found), alg) if key["state"] in {"active", "next", "retiring"}]
    steps.append(_step("the key set has the new keys, and still the old ones", await _until_published(found, present)))
    await asyncio.sleep(watch)
    clients = await _clients(found, {key["kid"] for key in present if key["state"] in {"active", "next"}})
    return {"passed": all(step["ok"] for step in steps), "steps": steps, "keys": present, "clients": clients}


async def _clients(found: Connection, serving: set[str]) -> list[dict[str, Any]]:
    told = map(keys.use_as_json, await keys.former_uses(found))
    return [use for use in told if use["kid"] not in serving]


def _step(what: str, trouble: str) -> dict[str, Any]:
    return {"what": what, "ok": not trouble, "detail": trouble}


def _in_order(told: Sequence[Any], alg: str) -> list[dict[str, Any]]:
    return [key for key in map(keys.as_json, told) if alg in {"", key["alg"]}]


def _complete(told: Sequence[dict[str, Any]]) -> str:
    states = {(key["alg"], key["state"]) for key in told}
    lacking = [
        f"{each} has no {state} key"
        for each in sorted({key["alg"] for key in told})
        for state in ("active", "next")
        if (each, state) not in states
    ]
    return ", ".join(lacking) if told else "there are no keys"


def _lacking(told: Sequence[dict[str, Any]], published: set[str]) -> str:
    missing = [key["kid"] for key in told if key["state"] in {"active", "next"} and key["kid"] not in published]
    return f"not in the key set: {', '.join(missing)}" if missing else ""


def _when(told: Sequence[dict[str, Any]], alg: str) -> str:
    turns = [key.get("activates_at", "") for key in told if (key["alg"], key["state"]) == (alg, "next")]
    return f"not before {turns[0]}: it was announced too shortly" if turns and turns[0] else "it does not"


async def _until_published(found: Connection, present: Sequence[dict[str, Any]]) -> str:
    wanted = {key["kid"] for key in present}
    try:
        async with asyncio.timeout(SECONDS):
            while not wanted <= await _published(found):  # noqa: ASYNC110 - of another process
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        return f"after {SECONDS:g} s it has not"
    return ""


async def _published(found: Connection) -> set[str]:
    """The kids of the key set, as anybody gets them."""
    url = f"{found.issuer}/jwks"
    try:
        return await asyncio.to_thread(_kids, url)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CliError(f"the key set at {url} cannot be read: {error}") from None


def _kids(url: str) -> set[str]:
    with build_opener(ProxyHandler({})).open(url, timeout=_ANSWER_SECONDS) as answer:
        return {str(key["kid"]) for key in json.loads(answer.read(_MOST_BYTES))["keys"]}
