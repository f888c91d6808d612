"""Names without invisible characters."""

import pytest

from libs.oauth.client_metadata import parse_metadata, restore_metadata
from libs.oauth.errors import InvalidClientMetadata, InvalidRequest
from libs.oauth.visible_text import is_visible
from services.authentication.domain.accounts.usernames import check_username

INVISIBLE = {
    "zero width space": "\u200b",
    "zero width joiner": "\u200d",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "right-to-left override": "\u202e",
    "right-to-left isolate": "\u2067",
    "right-to-left mark": "\u200f",
    "tag": "\U000e0041",
    "variation selector": "\ufe0f",
    "supplementary variation selector": "\U000e0100",
    "Hangul filler": "\u3164",
    "Braille blank": "\u2800",
    "combining grapheme joiner": "\u034f",
}


@pytest.mark.parametrize("character", INVISIBLE.values(), ids=INVISIBLE)
def test_name_with_an_invisible_character_is_refused(character: str) -> None:
    name = f"Ac{character}me"
    assert not is_visible(name)
    with pytest.raises(InvalidClientMetadata) as of_client:
        parse_metadata({"client_name": name, "redirect_uris": ["https://app.example/cb"]})
    assert "client_name" in of_client.value.description
    with pytest.raises(InvalidRequest) as of_user:
        check_username(name)
    assert of_user.value.reason == "USERNAME_MALFORMED"


@pytest.mark.parametrize("name", ["Acme Notes", "Zoë", "Ünïcode (β)", "株式会社", "مثال", "हिन्दी", "한글"])
def test_names_in_every_script_are_visible(name: str) -> None:
    assert is_visible(name)


def test_stored_client_with_a_variation_selector_still_loads() -> None:
    stored = {"client_name": "\u2764\ufe0f App", "redirect_uris": ["https://app.example/cb"]}
    assert restore_metadata(stored).client_name == stored["client_name"]
