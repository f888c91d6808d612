"""Classes of sign-ins: which satisfies which, and what a client is claim_value."""

import pytest

from libs.oauth import acr
from libs.oauth.acr import MFA, PASSWORD, claim_value, satisfies, strongest, weakest


def test_a_higher_class_satisfies_a_lower_one_and_itself() -> None:
    assert [(a, b) for a in acr.SUPPORTED for b in acr.SUPPORTED if satisfies(a, b)] == [
        (PASSWORD, PASSWORD),
        (MFA, PASSWORD),
        (MFA, MFA),
    ]


def test_a_class_that_nobody_knows_satisfies_nothing_and_is_satisfied_by_nothing() -> None:
    assert not satisfies("1", PASSWORD)
    assert not satisfies(MFA, "1")


def test_where_one_of_several_will_do_the_weakest_is_enough() -> None:
    assert (weakest((MFA, PASSWORD)), weakest(("1", MFA)), weakest(("1",)), weakest(())) == (PASSWORD, MFA, "", "")
    assert (strongest((MFA, PASSWORD)), strongest(("", PASSWORD)), strongest(("",))) == (MFA, PASSWORD, "")


@pytest.mark.parametrize(
    ("present", "wanted", "at_least", "expected"),
    [
        (MFA, (), "", MFA),
        (MFA, (PASSWORD,), "", PASSWORD),
        (MFA, (PASSWORD, MFA), "", MFA),
        (MFA, ("1", PASSWORD), "", PASSWORD),
        (MFA, (PASSWORD,), MFA, MFA),
        (PASSWORD, (MFA,), "", PASSWORD),
    ],
)
def test_who_insists_on_one_of_some_classes_is_claim_value_one_of_them(
    *, present: str, wanted: tuple[str, ...], at_least: str, expected: str
) -> None:
    assert claim_value(present, wanted, at_least=at_least) == expected
