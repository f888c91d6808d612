"""Who may write which claim."""

from datetime import date

import pytest

from libs.oauth.errors import InvalidRequest
from services.authentication.domain.accounts.claim_policy import (
    WRITERS,
    ClaimWriter,
    RefusedClaim,
    changed,
    writable_by,
)
from services.authentication.domain.accounts.claims import CLAIM_NAMES, Profile

TODAY = date(2026, 3, 1)
ALICE = Profile(
    name="Alice Ansel",
    email="alice@example.com",
    email_verified=True,
    phone_number="+1 425 555 1212",
    phone_number_verified=True,
)


def refused(writer: ClaimWriter, **changes: object) -> str:
    with pytest.raises(InvalidRequest) as refusal:
        changed(ALICE, changes, writer=writer, today=TODAY)
    return refusal.value.reason


def test_it_is_decided_for_every_claim_and_for_what_is_the_servers():
    assert set(WRITERS) == {*CLAIM_NAMES, "sub", "updated_at"}


@pytest.mark.s(52)
@pytest.mark.parametrize("writer", [ClaimWriter.USER, ClaimWriter.OPERATOR])
@pytest.mark.parametrize("claim", ["sub", "updated_at"])
def test_claims_of_the_server_cannot_be_written(writer, claim):
    for value in (True, False, "another", None, 0):
        assert refused(writer, **{claim: value}) == "CLAIM_READ_ONLY"


@pytest.mark.s(52)
@pytest.mark.parametrize("claim", ["email_verified", "phone_number_verified"])
def test_user_cannot_state_that_something_is_verified(claim):
    for value in (True, False, "another", None, 0):
        assert refused(ClaimWriter.USER, **{claim: value}) == "CLAIM_READ_ONLY"


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("flag_first", [True, False])
def test_operator_changes_an_address_and_states_that_it_is_verified(before, flag_first):
    old, _ = changed(ALICE, {"email_verified": before}, writer=ClaimWriter.OPERATOR, today=TODAY)
    changes = {"email": "new@example.com", "email_verified": True}
    if flag_first:
        changes = dict(reversed(changes.items()))
    profile, names = changed(old, changes, writer=ClaimWriter.OPERATOR, today=TODAY)
    assert (profile.email, profile.email_verified) == ("new@example.com", True)
    assert names == (["email"] if before else ["email", "email_verified"])


def test_an_address_is_verified_only_if_there_is_one():
    with pytest.raises(InvalidRequest) as refusal:
        changed(Profile(), {"email_verified": True}, writer=ClaimWriter.OPERATOR, today=TODAY)
    assert refusal.value.description == "The claim email_verified requires email."


@pytest.mark.s(52)
@pytest.mark.parametrize("claim", ["email", "preferred_username"])
def test_claims_of_the_operator_cannot_be_written_by_the_user(claim):
    assert refused(ClaimWriter.USER, **{claim: "mallory@example.com"}) == "CLAIM_READ_ONLY"
    assert claim in writable_by(ClaimWriter.OPERATOR)


@pytest.mark.s(52)
@pytest.mark.parametrize("claim", ["roles", "tenant", "iss", "email_verified ", "EMAIL_VERIFIED", "__class__", ""])
def test_unknown_claim_cannot_be_written(claim):
    assert refused(ClaimWriter.OPERATOR, **{claim: "x"}) == "CLAIM_UNKNOWN"


@pytest.mark.s(52)
@pytest.mark.parametrize(
    ("writer", "claim", "value"),
    [
        (ClaimWriter.OPERATOR, "email", "new@example.com"),
        (ClaimWriter.USER, "phone_number", "+49 30 123456"),
        (ClaimWriter.OPERATOR, "email", None),
        (ClaimWriter.USER, "phone_number", None),
    ],
)
def test_what_has_changed_is_not_verified_any_more(writer, claim, value):
    profile, names = changed(ALICE, {claim: value}, writer=writer, today=TODAY)
    assert profile.claims().get(claim) == value
    assert profile.claims().get(f"{claim}_verified") is (None if value is None else False)
    assert names == [claim, f"{claim}_verified"]


def test_the_same_value_again_changes_nothing_and_keeps_what_was_verified():
    profile, names = changed(ALICE, {"name": "Alice Ansel"}, writer=ClaimWriter.USER, today=TODAY)
    assert (profile, names) == (ALICE, [])
    assert changed(ALICE, {"email": "alice@example.com"}, writer=ClaimWriter.OPERATOR, today=TODAY)[0].email_verified


def test_one_bad_value_is_named_and_nothing_is_changed():
    with pytest.raises(RefusedClaim) as refusal:
        changed(ALICE, {"name": "Alice B.", "birthdate": "yesterday"}, writer=ClaimWriter.USER, today=TODAY)
    assert refusal.value.claim == "birthdate"


def test_an_address_is_written_as_a_whole():
    profile, names = changed(ALICE, {"address": {"locality": "Bern"}}, writer=ClaimWriter.USER, today=TODAY)
    assert profile.claims()["address"] == {"locality": "Bern"}
    assert names == ["address"]
