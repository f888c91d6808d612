"""The pages of docs/ that are written by hand name commands, settings, metrics and event codes that exist."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from docs.generate.configuration import SETTINGS
from libs.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("get-started", "sign-users-in", "protect-an-api", "subscribe-to-events", "deploy", "operate")
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in NAMES}
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("libs", "services")
    for path in sorted((ROOT / folder).rglob("*.py"))
)
each_page = pytest.mark.parametrize("name", NAMES)


@each_page
def test_every_command_of_a_page_exists(name):
    for line in re.findall(
        r"(?<!-n )\blatchkey ((?:[a-z-]+ ?)+)", "\n".join(re.findall(r"`[^`]*`|```sh.*?```", PAGES[name], re.DOTALL))
    ):
        words, command = line.split(), get_command(app)
        while hasattr(command, "commands"):
            assert words, line
            assert words[0] in command.commands, f"latchkey {line}"
            command = command.commands[words.pop(0)]


@each_page
def test_every_option_of_a_page_exists(name):
    options = set(
        re.findall(r"(?<=\s)--[a-z][a-z-]+", "\n".join(re.findall(r"latchkey [^`\n]*(?:\\\n[^`\n]*)*", PAGES[name])))
    )
    assert not [
        each for each in options if f'"{each}' not in SOURCES and f"{each[2:].replace('-', '_')}:" not in SOURCES
    ]


@each_page
def test_every_setting_of_a_page_exists(name):
    known = {f"LATCHKEY_{field.upper()}" for settings in SETTINGS.values() for field in settings.model_fields}
    assert set(re.findall(r"\bLATCHKEY_[A-Z_]+\b", PAGES[name])) <= known | {"LATCHKEY_EVENTS", "LATCHKEY_TOKENS"}


def test_every_metric_and_event_code_of_the_operations_page_exists():
    page = PAGES["operate"]
    metrics = set(re.findall(r"\blatchkey_[a-z_]+", page)) - {"latchkey_authority"}
    codes = set(re.findall(r"[Ll]og:? `([a-z_]+\.[a-z_]+)`", page))
    assert len(metrics) > 4
    assert len(codes) > 8
    assert not [each for each in metrics | codes if f'"{each}"' not in SOURCES]


@each_page
def test_a_page_starts_with_its_readers_and_ends_with_the_next_step(name):
    first = PAGES[name].split("\n\n")[1]
    assert first.startswith("For ")
    assert PAGES[name].split("\n## ")[-1].startswith("Next step\n")
