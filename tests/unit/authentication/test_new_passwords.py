import pytest

from libs.crypto.passwords import MAX_PASSWORD_BYTES, hash_password
from libs.oauth.errors import InvalidRequest
from services.authentication.domain.accounts.passwords import MIN_CHARACTERS, check_password


@pytest.mark.s(50)
@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "PASSWORD_TOO_SHORT"),
        ("seven77", "PASSWORD_TOO_SHORT"),
        (" " * 20, "PASSWORD_TOO_SHORT"),
        ("x" * (MAX_PASSWORD_BYTES + 1), "PASSWORD_TOO_LONG"),
        ("ß" * (MAX_PASSWORD_BYTES // 2 + 1), "PASSWORD_TOO_LONG"),
        ("ﷺ" * 100, "PASSWORD_TOO_LONG"),
        ("x" * 1_000_000, "PASSWORD_TOO_LONG"),
    ],
)
def test_a_password_that_is_too_short_or_too_long_is_refused(password: str, reason: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check_password(password)
    assert refusal.value.reason == reason
    assert not password.strip() or password not in refusal.value.description


@pytest.mark.s(50)
@pytest.mark.parametrize(
    "password", ["x" * MIN_CHARACTERS, "alllowercase", "correct horse battery staple", "пароль-длинный", "🔑" * 8]
)
def test_there_are_no_rules_of_composition(password: str) -> None:
    check_password(password)


def test_the_longest_password_that_is_accepted_can_be_hashed() -> None:
    limit = "x" * MAX_PASSWORD_BYTES
    check_password(limit)
    assert hash_password(limit)
