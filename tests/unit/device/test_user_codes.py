import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.device.domain.user_codes import ALPHABET, LENGTH, as_shown, digest, new_user_code, normal_form


@pytest.mark.s(34)
def test_codes_are_eight_letters_of_the_alphabet_of_the_rfc() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) == 20
    assert not set(ALPHABET) & set("AEIOUY0123456789")
    assert LENGTH * math.log2(len(ALPHABET)) > 34
    codes = {new_user_code() for _ in range(500)}
    assert len(codes) == 500
    assert {len(code) for code in codes} == {LENGTH}
    assert set("".join(codes)) == set(ALPHABET)  # a letter that never comes up in 4,000 would be a wonder


@pytest.mark.parametrize(
    "typed",
    [
        "WDJB-MJHT",
        "WDJBMJHT",
        "wdjb-mjht",
        "WdJb MjHt",
        "  wdjb   mjht  ",
        "w-d-j-b-m-j-h-t",
        "WDJB\u2013MJHT",  # en dash
        "WDJB\u2014MJHT",  # em dash, as phones make it of two hyphens
        "WDJB\u2011MJHT",  # hyphen that does not break
        "WDJB\u00a0MJHT",
        "WDJB\tMJHT\r\n",
        "\u200bWDJB\u00adMJHT",
        "".join(chr(ord(character) + 0xFEE0) for character in "WDJB-MJHT"),  # full width
    ],
)
def test_case_blanks_and_dashes_do_not_matter(typed: str) -> None:
    assert normal_form(typed) == "WDJBMJHT"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "WDJB",
        "WDJB-MJHTX",
        "WDJB-MJH1",
        "WDJB-MJHA",
        "WDJB_MJHT",
        "WDJB.MJHT",
        "WDJBMJHß",
        "\u0405DJB-MJHT",
        "-" * 9,
    ],
)
def test_what_cannot_be_a_code_is_none(typed: str) -> None:
    assert normal_form(typed) is None


@pytest.mark.s(61)
def test_what_is_too_long_to_be_a_code_is_not_looked_at() -> None:
    assert normal_form(" " * 57 + "WDJBMJHT") is None
    assert normal_form(" " * 56 + "WDJBMJHT") == "WDJBMJHT"


@given(st.text(alphabet=ALPHABET, min_size=LENGTH, max_size=LENGTH))
def test_what_is_shown_can_be_typed(code: str) -> None:
    assert len(as_shown(code)) == 9
    assert normal_form(as_shown(code).lower()) == code


@given(st.text())
def test_nothing_that_is_typed_breaks_anything(typed: str) -> None:
    code = normal_form(typed)
    assert code is None or (len(code) == LENGTH and set(code) <= set(ALPHABET))


def test_a_digest_is_of_this_code_and_of_nothing_else() -> None:
    assert len(digest("WDJBMJHT")) == 32
    assert digest("WDJBMJHT") != digest("WDJBMJHB")
