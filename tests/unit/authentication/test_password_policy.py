"""What a new password has to be."""

import time

import pytest

from libs.oauth.errors import InvalidRequest
from services.authentication.adapters.password_policy import PasswordPolicy
from services.authentication.adapters.password_strength import strength_of

ABOUT = ("alice.liddell", "Alice Liddell", "alice.liddell@example.com")


async def refusal(password: str, *, min_score: int = 2) -> str:
    with pytest.raises(InvalidRequest) as refused:
        await PasswordPolicy(min_score=min_score, brand="Wonderland")(password, about=ABOUT)
    return refused.value.reason


@pytest.mark.s(50)
@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("password1", "PASSWORD_COMMON"),
        ("qwertyuiop", "PASSWORD_COMMON"),
        ("alice.liddell", "PASSWORD_OF_PERSON"),
        ("ALICE liddell1", "PASSWORD_OF_PERSON"),
        ("Wonderland1", "PASSWORD_OF_PERSON"),
        ("xxxxxxxxx", "PASSWORD_PATTERN"),
        ("abcdefghij", "PASSWORD_PATTERN"),
        ("".join(chr(ord(each) + 0xFEE0) for each in "password1"), "PASSWORD_COMMON"),
    ],
)
async def test_what_is_tried_first_is_refused_with_the_reason(password: str, reason: str) -> None:
    assert await refusal(password) == reason


@pytest.mark.s(50)
@pytest.mark.parametrize(
    "password", ["correct horse battery staple", "zebra-lamp-9", "пароль из тумана", "🔑🐙🍉🚲🪐🦉🧵🪁"]
)
async def test_nothing_is_demanded_but_that_it_is_hard_to_guess(password: str) -> None:
    assert (await PasswordPolicy(min_score=2)(password, about=ABOUT)).looked_up


async def test_an_operator_says_how_hard() -> None:
    assert await PasswordPolicy(min_score=0)("password1", about=ABOUT)
    assert await refusal("zebra lamps", min_score=4)


@pytest.mark.s(61)
async def test_a_very_long_password_does_not_cost_a_long_time() -> None:
    began = time.process_time()
    strength_of("aA1!" * 256, about=["x" * 5_000] * 1_000)
    assert time.process_time() - began < 2
