"""Log calls of the services: a stable event code, a message, and one message for each code."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("services", "libs", "deploy")
OTHER_LOGS = ("libs/sdk/",)
"""The SDK is a library for other applications and uses their `logging` configuration."""
PENDING = ("deploy/playground/",)
"""Folders whose log calls are not converted to event codes yet."""
LEVELS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
CODE = re.compile(r"[a-z_]+(\.[a-z0-9_]+)+")


@dataclass(frozen=True)
class LogCall:
    place: str
    code: object
    message: object


def _log_calls() -> Iterator[LogCall]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(OTHER_LOGS + PENDING):
                yield from _log_calls_in(name, path.read_text(encoding="utf-8"))


def _log_calls_in(name: str, source: str) -> Iterator[LogCall]:
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name("_log"), attr=level)) if level in LEVELS:
                messages = [keyword.value for keyword in node.keywords if keyword.arg == "message"]
                yield LogCall(f"{name}:{node.lineno}", _text(node.args[:1]), _text(messages))


def _text(nodes: list[ast.expr]) -> object:
    match nodes:
        case [ast.Constant(value=text)]:
            return text
    return None


CALLS = tuple(_log_calls())


def test_log_calls_are_found():
    assert len(CALLS) > 15


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.place)
def test_log_call_has_an_event_code_and_a_message(call: LogCall):
    assert isinstance(call.code, str)
    assert CODE.fullmatch(call.code)
    assert isinstance(call.message, str)
    assert not call.message.endswith(".")


def test_event_code_is_used_for_one_message_only():
    messages = defaultdict(set)
    for call in CALLS:
        messages[call.code].add(call.message)
    assert {code: found for code, found in messages.items() if len(found) > 1} == {}
