"""HS256 under a shared secret, and nothing that looks like it (RFC 7518 3.2, RFC 8725 2.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey

from libs.crypto.errors import InvalidJwt
from libs.crypto.jwt import UnverifiedJwt
from libs.crypto.secret_jwt import is_made_with

pytestmark = pytest.mark.s(29)
SECRET = "a secret that is known to two only, and long enough"


def made(secret: str = SECRET, alg: str = "HS256", **header: str) -> str:
    return jwt.encode({"alg": alg, **header}, {"sub": "c"}, OctKey.import_key(secret), algorithms=[alg])


def accepts(token: str, secret: str = SECRET) -> bool:
    try:
        return is_made_with(UnverifiedJwt.parse(token), secret)
    except InvalidJwt:
        return False


def test_hs256_token_of_joserfc_is_accepted():
    assert accepts(made())
    assert accepts(made(kid="any", typ="JWT"))


@pytest.mark.parametrize(
    "token", [made("another secret, which is long enough as well"), made(alg="HS512"), made() + "A", "", "a.b.c", "a.b"]
)
def test_other_hs256_tokens_are_refused(token):
    assert not accepts(token)


def test_hs256_token_with_unknown_header_member_is_refused():
    assert not accepts(made(jku="https://evil.example"))


@given(st.integers(min_value=0, max_value=len(made()) - 1), st.characters(min_codepoint=33, max_codepoint=126))
def test_changed_hs256_token_is_refused(position, character):
    token = made()
    changed = token[:position] + character + token[position + 1 :]
    assert accepts(changed) == (changed == token)


def test_short_secret_raises_value_error():
    with pytest.raises(ValueError, match="32 bytes"):
        accepts(made(), "short")
