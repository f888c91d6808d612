import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.errors import BY_CODE, InvalidGrant, OAuthError, permitted
from libs.oauth.reasons import Reason

pytestmark = pytest.mark.s(9)

# RFC 6749 4.1.2.1 and 5.2: %x20-21 / %x23-5B / %x5D-7E
RFC6749 = {chr(code) for code in (*range(0x20, 0x22), *range(0x23, 0x5C), *range(0x5D, 0x7F))}


@given(st.text())
def test_error_description_contains_permitted_characters_only(text):
    described = InvalidGrant(text).description
    assert set(described) <= RFC6749
    assert len(described) == len(text)


@given(st.text(sorted(RFC6749)))
def test_permitted_description_is_unchanged(text):
    assert permitted(text) == text


@pytest.mark.parametrize("cls", BY_CODE.values(), ids=lambda cls: cls.__name__)
def test_every_error_has_defaults(cls):
    error = cls()
    assert error.error
    assert set(error.error) <= RFC6749
    assert error.description
    assert set(error.description) <= RFC6749
    assert error.reason == error.error.upper()
    assert (error.redirectable, error.retry_after) == (True, None)


def test_each_error_code_has_exactly_one_class():
    def family(cls: type[OAuthError]) -> list[type[OAuthError]]:
        return [cls, *(member for child in cls.__subclasses__() for member in family(child))]

    # A part of the system may have one of its own that says more; it crosses every border as the one that it is a kind of.
    classes = [cls for cls in family(OAuthError)[1:] if cls.__module__ == OAuthError.__module__]
    assert set(BY_CODE.values()) == set(classes)
    assert len({cls.error for cls in classes}) == len(classes)


def test_empty_description_is_not_replaced_by_the_default():
    assert InvalidGrant("").description == ""
    assert InvalidGrant().description == InvalidGrant.default_description


def test_error_text_contains_code_reason_and_description():
    assert str(InvalidGrant("No.", reason=Reason.CODE_EXPIRED)) == "invalid_grant [CODE_EXPIRED] No."
