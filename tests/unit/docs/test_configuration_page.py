"""Settings in words."""

from typing import Annotated, Literal, get_type_hints

import pytest
from pydantic import Field, FilePath, StringConstraints

from docs.generate import configuration
from docs.generate.sources import SourceError
from libs.servicekit.base.settings import Address, ListenAddress, Networks, PublicUrl, SecretKeyFile, ServiceSettings


class SomeSettings(ServiceSettings):
    url: PublicUrl
    """Where."""
    listen: ListenAddress = Address("127.0.0.1", 0)
    key_file: SecretKeyFile
    path: FilePath | None = None
    networks: Networks = ()
    kind: Literal["a", "b"] = "a"
    on: bool = True
    lifetime_seconds: int = Field(default=7200, ge=60, le=9000)
    share: float = Field(default=0.5, gt=0)
    name: Annotated[str, StringConstraints(min_length=1, max_length=60)] = "x"
    workers: int = Field(default_factory=lambda: 4, ge=1)
    odd: bytes = b""


HINTS = get_type_hints(SomeSettings, include_extras=True)
FIELDS = SomeSettings.model_fields


@pytest.mark.parametrize(
    ("name", "words", "default"),
    [
        ("url", "https URL; http for loopback hosts", "required"),
        ("listen", "host:port; port 0 lets the system choose", "`127.0.0.1:0`"),
        ("key_file", "path of a file with 32 bytes as base64url text", "required"),
        ("path", "path of a file", "none"),
        ("networks", "networks (CIDR), separated by commas", "none"),
        ("kind", "`a` or `b`", "`a`"),
        ("on", "`true` or `false`", "`true`"),
        ("lifetime_seconds", "whole number of seconds, 60 to 9000", "`7200` (2 hours)"),
        ("share", "number, more than 0", "`0.5`"),
        ("name", "text, 1 to 60 characters", "`x`"),
        ("workers", "whole number, at least 1", "found at start"),
    ],
)
def test_a_setting_says_what_may_be_written_and_what_holds_otherwise(name, words, default):
    assert configuration.in_words(HINTS[name], FIELDS[name], name=name) == words
    assert configuration.default(FIELDS[name], name=name) == default


def test_a_type_without_words_is_named():
    with pytest.raises(SourceError, match="LATCHKEY_ODD"):
        configuration.in_words(HINTS["odd"], FIELDS["odd"], name="odd")


def test_a_docstring_below_a_field_is_its_meaning_and_one_that_is_missing_is_named():
    assert configuration.meaning(SomeSettings, "url") == "Where."
    with pytest.raises(SourceError, match=r"SomeSettings\.listen"):
        configuration.meaning(SomeSettings, "listen")


def test_a_word_about_a_setting_that_there_is_not_is_refused(monkeypatch):
    monkeypatch.setattr(configuration, "_words", lambda: {"SomeSettings": {"gone": "It was."}})
    with pytest.raises(SourceError, match="`gone`"):
        configuration.check_words([SomeSettings])


def test_every_variable_of_every_service_is_on_the_page_under_what_the_service_reads():
    page = configuration.page()
    for service, settings in configuration.SETTINGS.items():
        own = page.partition(f"\n### {service}\n")[2].partition("\n### ")[0]
        shared = [base for base in configuration.shared_classes() if issubclass(settings, base)]
        readable = own + "".join(page.partition(f"\n### {configuration.heading(base)}\n")[2] for base in shared)
        for name in settings.model_fields:
            assert f"| `{configuration.variable(name)}` |" in readable, (service, name)
