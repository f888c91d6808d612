"""Who is spoken to in which language now: said once where a request or a letter begins, known everywhere after."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jinja2

from libs.languages.language import ENGLISH, Language

_current: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def speak(language: Language) -> None:
    """From here on, in this task."""
    _current.set(language)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Within the block only."""
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Language:
    return _current.get()


def mark(text: str) -> str:
    """Has `make words` collect a text that is said later, by `say`."""
    return text


def say(text: str, **values: object) -> str:
    """The text in the current language; `%(name)s` stands for a value, and a percent sign is written twice.

    What it returns is plain text, which templates escape.
    """
    return _current.get().catalog.gettext(text) % values


def say_many(one: str, many: str, n: int) -> str:
    """The same for what is counted: `%(n)d` stands for the number."""
    return _current.get().catalog.ngettext(one, many, n) % {"n": n}


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
    return _current.get().catalog.gettext(text)


def _ngettext(one: str, many: str, n: int) -> str:
    return _current.get().catalog.ngettext(one, many, n)


def _pgettext(context: str, text: str) -> str:
    return _current.get().catalog.pgettext(context, text)
