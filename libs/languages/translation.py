"""Translation into the current language, which is set once for each request or email."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import jinja2

from libs.languages.language import ENGLISH, Language


@dataclass
class _Current:
    language: Language


_current: ContextVar[_Current | None] = ContextVar("language", default=None)


def begin(language: Language) -> None:
    """Sets the language of a request, for this task and the tasks that it starts."""
    _current.set(_Current(language))


def change_language(language: Language) -> None:
    """Changes the language of the request in all of its tasks, also if a child task finds out the language."""
    request = _current.get()
    if request is None:
        begin(language)
    else:
        request.language = language


@contextmanager
def use_language(language: Language) -> Iterator[None]:
    """Sets the language within the block."""
    token = _current.set(_Current(language))
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Language:
    request = _current.get()
    return ENGLISH if request is None else request.language


def mark(text: str) -> str:
    """Marks a text for `make words` that `translate` receives later."""
    return text


def translate(text: str, **values: object) -> str:
    """Returns the text in the current language; `%(name)s` is replaced by a value, and `%%` by a percent sign.

    The result is plain text, which templates escape.
    """
    return current().catalog.gettext(text) % values


def translate_plural(one: str, many: str, n: int) -> str:
    """The same for a counted noun: `%(n)d` is replaced by the number."""
    return current().catalog.ngettext(one, many, n) % {"n": n}


def add_translation(templates: jinja2.Environment) -> None:
    """Adds translation to templates: `{% trans %}…{% endtrans %}`, `_("…")`, `ngettext("…", "…", n)`.

    Values of `{% trans %}` are escaped; the translated text itself is trusted and may contain elements.
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
