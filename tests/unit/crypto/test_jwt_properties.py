import string
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from joserfc import jwt as joserfc_jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet as JoserfcKeySet

from libs.crypto.jwt import ACCESS_TOKEN, ID_TOKEN, LOGOUT_TOKEN, sign_jwt
from tests.unit.crypto.tokens import all_keys, claims_of, header_of, reason_of_refusal, signed, signing_key, verified

pytestmark = pytest.mark.s(29)

BASE64URL = string.ascii_letters + string.digits + "-_"
TOKENS = [
    (kind, sign_jwt(claims_of(kind), signing_key(alg), typ=kind.typ))
    for kind in (ACCESS_TOKEN, ID_TOKEN, LOGOUT_TOKEN)
    for alg in ("ES256", "RS256")
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(TOKENS), st.data())
def test_token_with_a_changed_character_is_refused(made, data: st.DataObject):
    kind, token = made
    at = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.sampled_from(BASE64URL + ".=+/ \n"))
    assume(token[at] != character)
    assert reason_of_refusal(token[:at] + character + token[at + 1 :], kind) is not None


@given(st.sampled_from(TOKENS), st.data())
def test_token_with_removed_or_inserted_text_is_refused(made, data: st.DataObject):
    kind, token = made
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, min(len(token), start + 40)))
    piece = data.draw(st.text(BASE64URL + ".", max_size=40))
    mutant = token[:start] + piece + token[end:]
    assume(mutant != token)
    assert reason_of_refusal(mutant, kind) is not None


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")) | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*"))
def test_verify_jwt_raises_invalid_jwt_only(rubbish: str):
    assert reason_of_refusal(rubbish) is not None


@given(st.dictionaries(st.sampled_from(sorted(ACCESS_TOKEN.required | {"nbf", "nonce", "scope"})), JSON))
def test_signed_arbitrary_payload_is_refused_or_parsed_exactly(changes: dict[str, Any]):
    key = signing_key("ES256")
    claims = claims_of(ACCESS_TOKEN) | changes
    token = signed(header_of(key), claims, key)
    if reason_of_refusal(token) is None:
        assert verified(token) == claims


@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "cty", "x"]), JSON),
    st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "x"]), JSON),
)
def test_token_refused_by_joserfc_is_refused(header: dict[str, Any], claims: dict[str, Any]):
    key = signing_key("ES256")
    token = signed(header_of(key) | header, claims_of(ACCESS_TOKEN) | claims, key)
    try:
        theirs = joserfc_jwt.decode(token, JoserfcKeySet.import_key_set(all_keys().to_jwks()), algorithms=["ES256"])  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, AttributeError, KeyError):
        assert reason_of_refusal(token) is not None
    else:
        if reason_of_refusal(token) is None:
            assert verified(token) == theirs.claims


@given(st.dictionaries(st.text(min_size=1, max_size=12).map(lambda name: "x_" + name), JSON, max_size=4))
def test_additional_claims_survive_a_round_trip(extra: dict[str, Any]):
    claims = claims_of(ACCESS_TOKEN) | extra
    assert verified(sign_jwt(claims, signing_key("ES256"), typ="at+jwt")) == claims
