import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.device.domain.user_codes import ALPHABET, LENGTH, digest, display_form, new_user_code, normal_form


@pytest.mark.s(34)
def test_new_user_code_has_eight_characters_of_the_alphabet() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) == 20
    assert not set(ALPHABET) & set("AEIOUY0123456789")
    assert LENGTH * math.log2(len(ALPHABET)) > 34
    codes = {new_user_code() for _ in range(500)}
    assert len(codes) == 500
    assert {len(code) for code in codes} == {LENGTH}
    assert set("".join(codes)) == set(ALPHABET)  # 4,000 random characters contain each of 20


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
def test_normal_form_ignores_case_spaces_and_dashes(typed: str) -> None:
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
def test_normal_form_is_none_for_a_malformed_code(typed: str) -> None:
    assert normal_form(typed) is None


@pytest.mark.s(61)
def test_normal_form_is_none_for_input_above_the_maximum_length() -> None:
    assert normal_form(" " * 57 + "WDJBMJHT") is None
    assert normal_form(" " * 56 + "WDJBMJHT") == "WDJBMJHT"


@given(st.text(alphabet=ALPHABET, min_size=LENGTH, max_size=LENGTH))
def test_normal_form_accepts_the_display_form(code: str) -> None:
    assert len(display_form(code)) == 9
    assert normal_form(display_form(code).lower()) == code


@given(st.text())
def test_normal_form_returns_a_code_or_none_for_any_input(typed: str) -> None:
    code = normal_form(typed)
    assert code is None or (len(code) == LENGTH and set(code) <= set(ALPHABET))


def test_digest_differs_between_codes() -> None:
    assert len(digest("WDJBMJHT")) == 32
    assert digest("WDJBMJHT") != digest("WDJBMJHB")
