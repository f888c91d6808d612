"""All text of templates is marked for translation, so that `make words` collects it."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = sorted(file for kind in ("html", "txt") for file in (ROOT / "services").rglob(f"*.{kind}"))
SILENT = {"check_session.html"}
"""Templates without text."""
_SPOKEN = re.compile(r"{%-?\s*trans\b.*?endtrans\s*-?%}", re.DOTALL)
_PLACED = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
_STRING = re.compile(r'(?<![\w."])_?\(?"([A-Z][a-z]+ [^"]*)"')
_READ = {"alt", "title", "placeholder", "aria-label"}
_CODES = {"XXXX-XXXX"}


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag, attrs):
        self._silent += tag in {"script", "style", "svg"}
        self.found += [value for name, value in attrs if name in _READ and value]

    def handle_endtag(self, tag):
        self._silent -= tag in {"script", "style", "svg"}

    def handle_data(self, data):
        if not self._silent:
            self.found.append(data)


def unmarked(source: str) -> list[str]:
    """Returns text of a template that is not marked for translation, also in expressions."""
    rest = _SPOKEN.sub("", re.sub(r"{#.*?#}", "", source, flags=re.DOTALL))
    strings = [found.group(1) for found in _STRING.finditer(rest) if not found.group(0).startswith("_(")]
    reader = _Text()
    reader.feed(_PLACED.sub("", rest))
    texts = [text.strip() for text in reader.found]
    return [text for text in texts if re.search(r"[^\W\d_]{2}", text) and text not in _CODES] + strings


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_template_has_no_unmarked_text(file: Path):
    if file.name not in SILENT:
        assert unmarked(file.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Hello there</p>",
        '<img alt="A picture">',
        '<p>{{ "Not signed in" if x else "" }}</p>',
        '<p>{{ _("Fine") }} but this</p>',
        '{% set words = {"a": "Some words"} %}',
    ],
)
def test_unmarked_finds_unmarked_text(source):
    assert unmarked(source) != []


@pytest.mark.parametrize(
    "source",
    [
        '<p id="word" class="more words">{{ _("Hello there") }}: {{ name }}</p>',
        "<p>{% trans %}Hello <b>there</b>{% endtrans %}</p>",
        "{# A comment. #}<svg><title>x</title></svg>",
    ],
)
def test_unmarked_ignores_marked_and_hidden_text(source):
    assert unmarked(source) == []
