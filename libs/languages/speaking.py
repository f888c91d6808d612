"""Who is spoken to in which language now: said once where a request or a letter begins, known everywhere after."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import jinja2

from libs.languages.language import ENGLISH, Language


@dataclass
class _Speaker:
    language: Language


_current: ContextVar[_Speaker | None] = ContextVar("speaker", default=None)


def begin(language: Language) -> None:
    """From here on, in this task and in those that it starts: for one request."""
    _current.set(_Speaker(language))


def speak(language: Language) -> None:
    """Another one from here on, for all tasks of what has begun: one of them may be the first to know."""
    speaker = _current.get()
    if speaker is None:
        begin(language)
    else:
        speaker.language = language


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Within the block only."""
    token = _current.set(_Speaker(language))
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Language:
    speaker = _current.get()
    return ENGLISH if speaker is None else speaker.language


def mark(text: str) -> str:
    """Has `make words` collect a text that is said later, by `say`."""
    return text


def say(text: str, **values: object) -> str:
    """The text in the current language; `%(name)s` stands for a value, and a percent sign is written twice.

    What it returns is plain text, which templates escape.
    """
    return current().catalog.gettext(text) % values


def say_many(one: str, many: str, n: int) -> str:
    """The same for what is counted: `%(n)d` stands for the number."""
    return current().catalog.ngettext(one, many, n) % {"n": n}


def teach(templates: jinja2.Environment) -> None:
    """Lets templates speak: `{% trans %}…{% endtrans %}`, `_("…")`, `ngettext("…", "…", n)`.

    Values of `{% trans %}` are escaped; the words around them are our own, and may hold elements.
    """
    templates.add_extension("jinja2.ext.i18n")
    templates.policies["ext.i18n.trimmed"] = True
    callables: Any = templates
    callables.install_gettext_callables(_gettext, _ngettext, newstyle=True, pgettext=_pgettext)
    templates.globals["current_language"] = current


def _gettext(text: str) -> str:
    return current().catalog.gettext(text)


def _ngettext(one: str, many: str, n: int) -> str:
    return current().catalog.ngettext(one, many, n)


def _pgettext(context: str, text: str) -> str:
    return current().catalog.pgettext(context, text)
