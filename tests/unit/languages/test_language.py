"""The choice of the language, and translation."""

import asyncio
from datetime import UTC, datetime

import jinja2
import pytest

from libs.languages.language import ENGLISH, LANGUAGES, Language, accepted, best, language_of
from libs.languages.moments import minutes_ago, minutes_in_words, moment_in_words, wait_in_words
from libs.languages.translation import add_translation, begin, change_language, current, translate, use_language


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        (["de"], "de"),
        (["de-AT"], "de"),
        (["DE_at"], "de"),
        (["fr", "es-419", "de"], "es"),
        (["deu"], None),
        (["fr", ""], None),
        ([], None),
        (["xx"] * 20 + ["de"], None),
        (["../../etc"], None),
    ],
)
def test_best_returns_the_first_supported_language(tags, found):
    language = best(tags)
    assert (language.tag if language else None) == found


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("fr, es;q=0.3, de;q=0.7", "de"),
        ("de;q=0, es", "es"),
        ("de; Q=0.2 , es ; q=0.9", "es"),
        ("en, de", "en"),
        ("*", None),
        ("fr", None),
        ("de;q=high", None),
        ("de;q=nan", None),
        ("", None),
        ("," * 5000 + "de", None),
    ],
)
def test_accepted_orders_languages_by_weight(header, found):
    language = accepted(header)
    assert (language.tag if language else None) == found


def test_language_of_matches_exact_tags_only():
    assert language_of("de") is LANGUAGES[1]
    assert language_of("de-AT") is None


def test_use_language_is_limited_to_its_block():
    german = LANGUAGES[1]
    with use_language(german):
        assert (translate("Cancel"), current()) == ("Abbrechen", german)
    assert (translate("Cancel"), current()) == ("Cancel", ENGLISH)


async def test_change_language_in_a_child_task_applies_to_the_request():
    async def find_out() -> None:
        change_language(LANGUAGES[2])

    async def request(*, asks: bool) -> str:
        begin(ENGLISH)
        await asyncio.gather(*([find_out()] if asks else []), asyncio.sleep(0))
        return translate("Cancel")

    assert list(await asyncio.gather(request(asks=True), request(asks=False))) == ["Cancelar", "Cancel"]


async def test_change_language_is_separate_for_concurrent_tasks():
    async def asked(language: Language) -> str:
        change_language(language)
        await asyncio.sleep(0)
        return translate("Cancel")

    assert await asyncio.gather(*(asked(language) for language in LANGUAGES)) == ["Cancel", "Abbrechen", "Cancelar"]


def test_templates_escape_values_and_not_translations():
    templates = jinja2.Environment(autoescape=True)
    add_translation(templates)
    text = "{% trans name=name %}to continue to <bdi>{{ name }}</bdi>{% endtrans %}"
    with use_language(LANGUAGES[2]):
        said = templates.from_string(text).render(name="<b>100%(x)s</b>")
    assert said == "para continuar en <bdi>&lt;b&gt;100%(x)s&lt;/b&gt;</bdi>"


def test_templates_escape_the_result_of_translate():
    templates = jinja2.Environment(autoescape=True)
    assert templates.from_string("{{ x }}").render(x=translate("<bdi>%(name)s</bdi>", name="<i>")) == (
        "&lt;bdi&gt;&lt;i&gt;&lt;/bdi&gt;"
    )


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (LANGUAGES[0], ["3 March 2026, 09:05 UTC", "just now", "1 minute ago", "2 minutes", "59 seconds", "1 minute"]),
        (
            LANGUAGES[1],
            ["3. März 2026, 09:05 UTC", "gerade eben", "vor 1 Minute", "2 Minuten", "59 Sekunden", "1 Minute"],
        ),
        (
            LANGUAGES[2],
            ["3 de marzo de 2026, 09:05 UTC", "ahora mismo", "hace 1 minuto", "2 minutos", "59 segundos", "1 minuto"],
        ),
    ],
    ids=["en", "de", "es"],
)
def test_moments_and_durations_are_translated(language, words):
    with use_language(language):
        said = [moment_in_words(datetime(2026, 3, 3, 9, 5, tzinfo=UTC)), minutes_ago(59), minutes_ago(119)]
        assert [*said, minutes_in_words(61), wait_in_words(59), wait_in_words(60)] == words
