"""Classes of sign-ins: which satisfies which, and what a client is claim_value."""

import pytest

from libs.oauth import acr
from libs.oauth.acr import MFA, PASSWORD, claim_value, satisfies, strongest, weakest


def test_acr_satisfies_lower_classes_and_itself() -> None:
    assert [(a, b) for a in acr.SUPPORTED for b in acr.SUPPORTED if satisfies(a, b)] == [
        (PASSWORD, PASSWORD),
        (MFA, PASSWORD),
        (MFA, MFA),
    ]


def test_unknown_acr_satisfies_itself_only() -> None:
    assert not satisfies("1", PASSWORD)
    assert not satisfies(MFA, "1")


def test_weakest_acr_of_several_is_found() -> None:
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
def test_acr_claim_value_is_one_of_the_requested_classes(
    *, present: str, wanted: tuple[str, ...], at_least: str, expected: str
) -> None:
    assert claim_value(present, wanted, at_least=at_least) == expected
