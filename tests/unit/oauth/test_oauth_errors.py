import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.errors import BY_CODE, InvalidGrant, OAuthError, permitted
from libs.oauth.reasons import Reason

pytestmark = pytest.mark.s(9)

# RFC 6749 4.1.2.1 and 5.2: %x20-21 / %x23-5B / %x5D-7E
RFC6749 = {chr(code) for code in (*range(0x20, 0x22), *range(0x23, 0x5C), *range(0x5D, 0x7F))}


@given(st.text())
def test_a_description_has_no_other_characters_than_the_standard_permits(text):
    described = InvalidGrant(text).description
    assert set(described) <= RFC6749
    assert len(described) == len(text)


@given(st.text(sorted(RFC6749)))
def test_permitted_text_stays_as_it_is(text):
    assert permitted(text) == text


@pytest.mark.parametrize("cls", BY_CODE.values(), ids=lambda cls: cls.__name__)
def test_every_error_can_be_raised_without_a_word(cls):
    error = cls()
    assert error.error
    assert set(error.error) <= RFC6749
    assert error.description
    assert set(error.description) <= RFC6749
    assert error.reason == error.error.upper()
    assert (error.redirectable, error.retry_after) == (True, None)


def test_the_set_of_errors_is_closed_and_each_code_has_one_class():
    def family(cls: type[OAuthError]) -> list[type[OAuthError]]:
        return [cls, *(member for child in cls.__subclasses__() for member in family(child))]

    # A part of the system may have one of its own that says more; it crosses every border as the one that it is a kind of.
    classes = [cls for cls in family(OAuthError)[1:] if cls.__module__ == OAuthError.__module__]
    assert set(BY_CODE.values()) == set(classes)
    assert len({cls.error for cls in classes}) == len(classes)


def test_an_empty_description_is_not_the_default_one():
    assert InvalidGrant("").description == ""
    assert InvalidGrant().description == InvalidGrant.default_description


def test_the_text_of_an_error_tells_code_reason_and_description():
    assert str(InvalidGrant("No.", reason=Reason.CODE_EXPIRED)) == "invalid_grant [CODE_EXPIRED] No."
