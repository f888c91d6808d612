"""`latchkey key` against a running system. Emergency rotation: tests/chaos/test_rotation_live.py."""

import json
from typing import Any

from tests.flows.databases import on_postgresql
from tests.support.latchkey import run
from tests.support.stack import Stack

pytestmark = on_postgresql


async def _latchkey(system: Stack, *arguments: str) -> tuple[int, Any]:
    result = await run(system, *arguments, "--json")
    return result.code, json.loads(result.out)


async def test_key_list_prints_keys_with_state_and_activation_time(system: Stack):
    code, keys = await _latchkey(system, "key", "list")
    assert code == 0
    assert {(key["alg"], key["state"]) for key in keys} >= {
        (alg, state) for alg in ("ES256", "RS256") for state in ("active", "next")
    }
    assert all("activates_at" in key for key in keys)


async def test_key_drill_fails_when_the_last_rotation_was_too_recent(system: Stack):
    code, report = await _latchkey(system, "key", "drill", "--alg", "RS256")
    assert code == 1
    verdicts = {step["what"]: step for step in report["steps"]}
    late = verdicts.pop("RS256: the next key is active")
    assert "the key was published too recently" in late["detail"]
    assert all(step["ok"] for step in verdicts.values()), verdicts


async def test_key_rewrap_changes_nothing_under_the_same_key(system: Stack):
    assert await _latchkey(system, "key", "rewrap") == (0, {"rewrapped": 0, "remaining": 0})
