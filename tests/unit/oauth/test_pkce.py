import base64
import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.errors import InvalidRequest
from libs.oauth.pkce import check_challenge, verifier_matches

pytestmark = pytest.mark.s(11)

# RFC 7636, appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
UNRESERVED = string.ascii_letters + string.digits + "-._~"


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def test_pkce_example_of_rfc_7636_matches():
    assert check_challenge(CHALLENGE, "S256") == CHALLENGE
    assert verifier_matches(VERIFIER, CHALLENGE)


@pytest.mark.parametrize("method", [None, "", "plain", "s256", "S256 ", "S512", "PLAIN"])
def test_challenge_methods_other_than_s256_are_refused(method):
    with pytest.raises(InvalidRequest) as refusal:
        check_challenge(CHALLENGE, method)
    assert refusal.value.reason == "PKCE_METHOD"


@pytest.mark.parametrize(
    "challenge",
    ["", CHALLENGE[:-1], CHALLENGE + "A", CHALLENGE + "=", CHALLENGE[:-1] + "=", CHALLENGE[:-1] + "+"]
    + [CHALLENGE[:-1] + odd for odd in ("/", ".", "~", " ", "\n", "\0", "é", "٣")],
)
def test_malformed_challenge_is_refused(challenge):
    with pytest.raises(InvalidRequest) as refusal:
        check_challenge(challenge, "S256")
    assert refusal.value.reason == "PKCE_CHALLENGE_MALFORMED"


@pytest.mark.parametrize("length", [43, 44, 127, 128])
def test_verifier_of_permitted_length_matches_its_challenge(length):
    verifier = "x" * length
    assert verifier_matches(verifier, challenge_of(verifier))


@pytest.mark.parametrize("length", [0, 1, 42, 129, 1000])
def test_verifier_of_another_length_never_matches(length):
    verifier = "x" * length
    assert not verifier_matches(verifier, challenge_of(verifier))


@pytest.mark.parametrize("odd", ["+", "/", "=", " ", "%", "\n", "\0", "é", "!"])
def test_verifier_with_invalid_characters_never_matches(odd):
    verifier = VERIFIER[:-1] + odd
    assert not verifier_matches(verifier, challenge_of(verifier))


def test_challenge_does_not_match_itself_as_verifier():
    assert not verifier_matches(CHALLENGE, CHALLENGE)


@given(st.text(UNRESERVED, min_size=43, max_size=128), st.data())
def test_only_the_right_verifier_matches_a_challenge(verifier, data):
    challenge = challenge_of(verifier)
    assert verifier_matches(verifier, check_challenge(challenge, "S256"))
    at = data.draw(st.integers(0, len(verifier) - 1))
    other = verifier[:at] + data.draw(st.sampled_from(UNRESERVED.replace(verifier[at], ""))) + verifier[at + 1 :]
    assert not verifier_matches(other, challenge)


@given(st.text())
def test_verifier_matches_never_raises(text):
    assert not verifier_matches(text, CHALLENGE)
