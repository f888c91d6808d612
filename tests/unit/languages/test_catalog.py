"""Catalogs are read as by gettext."""

import gettext
import io
from pathlib import Path

import babel.messages
import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from libs.languages import collect
from libs.languages.catalog import Catalog
from libs.languages.language import LANGUAGES, catalog_path

PO = r"""
msgid ""
msgstr ""
"Language: de\n"

#: somewhere.html
msgid "Sign \"in\"\n"
msgstr ""
"Anmelden "
"„hier“\n"

msgid "%(n)d minute"
msgid_plural "%(n)d minutes"
msgstr[0] "%(n)d Minute"
msgstr[1] "%(n)d Minuten"

msgctxt "month"
msgid "May"
msgstr "Mai"

msgid "not yet"
msgstr ""

#~ msgid "gone"
#~ msgstr "weg"
"""


def test_catalog_returns_translations_and_english_for_missing_ones():
    catalog = Catalog(io.StringIO(PO))
    assert catalog.gettext('Sign "in"\n') == "Anmelden „hier“\n"
    assert [catalog.ngettext("%(n)d minute", "%(n)d minutes", n) for n in (0, 1, 2)] == [
        "%(n)d Minuten",
        "%(n)d Minute",
        "%(n)d Minuten",
    ]
    assert (catalog.pgettext("month", "May"), catalog.gettext("May")) == ("Mai", "May")
    assert (catalog.gettext("not yet"), catalog.gettext("gone"), catalog.gettext("")) == ("not yet", "gone", "")
    assert [catalog.ngettext("one", "many", n) for n in (1, 2)] == ["one", "many"]


@pytest.mark.parametrize("line", ["msgid 5", "msgid __import__('os')", "msgid"])
def test_malformed_catalog_is_refused(line):
    with pytest.raises((ValueError, SyntaxError)):
        Catalog(io.StringIO(f"{line}\n\n"))


@pytest.mark.parametrize("language", LANGUAGES[1:], ids=lambda language: language.tag)
def test_catalogs_are_read_as_by_gettext(language, tmp_path: Path):
    catalog = read_po(io.BytesIO(catalog_path(language.tag).read_bytes()))
    with (tmp_path / "mo").open("wb") as file:
        write_mo(file, catalog)
    with (tmp_path / "mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert len(catalog) > 100
    for message in catalog:
        if isinstance(message.id, str):
            assert language.catalog.gettext(message.id) == compiled.gettext(message.id) or not message.id
        else:
            one, many = message.id
            for n in (0, 1, 2, 5):
                assert language.catalog.ngettext(one, many, n) == compiled.ngettext(one, many, n)


@pytest.mark.parametrize("language", LANGUAGES[1:], ids=lambda language: language.tag)
def test_catalogs_are_complete_and_up_to_date(language):
    catalog = collect.updated(language.tag, collect.collected())
    assert list(collect.faults(catalog)) == []
    assert collect.written(catalog) == catalog_path(language.tag).read_text()


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("Hello %(name)s", "Hallo"),
        ("Hello %(name)s", "Hallo %(nam)s"),
        ("See <bdi>%(name)s</bdi>", "Siehe %(name)s"),
        ("Hello", "<script>alert(1)</script>"),
        ("Hello", ""),
    ],
)
def test_translation_with_other_placeholders_or_elements_is_a_fault(english, german):
    catalog = babel.messages.Catalog(locale="de")
    catalog.add(english, german)
    assert len(list(collect.faults(catalog))) == 1
