import base64
import string
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.client_authentication import (
    BASIC,
    CLIENT_SECRET_JWT,
    NONE,
    POST,
    PRIVATE_KEY_JWT,
    Credentials,
    read_credentials,
)
from libs.oauth.errors import InvalidClient, InvalidRequest, OAuthError
from libs.oauth.parameters import Parameters

EMPTY = Parameters({})
TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)


def basic(userpass: str | bytes) -> str:
    return "Basic " + base64.b64encode(userpass if isinstance(userpass, bytes) else userpass.encode()).decode()


def refusal_of(authorization: str | None, **parameters: str) -> OAuthError:
    with pytest.raises(OAuthError) as refusal:
        read_credentials(authorization, Parameters(parameters))
    return refusal.value


@pytest.mark.s(19)
@pytest.mark.parametrize(
    ("header", "client_id", "secret"),
    [
        (basic("app:secret"), "app", "secret"),
        ("basic " + basic("app:secret")[6:], "app", "secret"),
        ("BASIC  " + basic("app:secret")[6:] + " ", "app", "secret"),
        (basic("app:a:b:c"), "app", "a:b:c"),
        (basic("app%3A1:s%3At"), "app:1", "s:t"),
        (basic("a+b:c+d"), "a b", "c d"),
        (basic("a%2Bb:c%2Bd"), "a+b", "c+d"),
        (basic("a%20b:c%25d"), "a b", "c%d"),
        (basic("app:100%"), "app", "100%"),
        (basic("app:%zz"), "app", "%zz"),
        (basic("caf%C3%A9:%E2%82%AC"), "café", "€"),
        (basic("café:€"), "café", "€"),
    ],
)
def test_basic_credentials_are_form_decoded(header, client_id, secret):
    read = read_credentials(header, EMPTY)
    assert read == Credentials(client_id=client_id, method=BASIC, secret=secret)


@pytest.mark.s(19)
@given(TEXT, st.text(st.characters(exclude_characters="\0", codec="utf-8")), st.sampled_from([quote_plus, quote]))
def test_basic_credentials_of_a_client_library_are_decoded_unchanged(client_id, secret, encode):
    read = read_credentials(basic(f"{encode(client_id, safe='')}:{encode(secret, safe='')}"), EMPTY)
    assert (read.client_id, read.secret) == (client_id, secret)


@pytest.mark.s(19)
@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic YXBwOnNlY3JldA",  # padding is missing
        "Basic YXBw\nOnNlY3JldA==",
        "Basic YXBwOnNlY3JldA==,Basic YXBwOnNlY3JldA==",
        "Basic YXBwOnNlY3JldA== x",
        "Basic YXBwOnNlY3JldMOp\u00e9",
        "Basic \udcff",
        basic("no-separator"),
        basic(":secret"),
        basic(""),
        basic(b"app:\xff\xfe"),
        basic(b"\xc0\xaf:x"),
        basic("app:%ff"),
        basic("%ff:x"),
        basic("app:%00"),
        basic("a%00b:x"),
        basic("app:\0"),
    ],
)
def test_malformed_authorization_header_is_invalid_client(header):
    error = refusal_of(header)
    assert isinstance(error, InvalidClient)
    assert error.reason == "CLIENT_AUTH_MALFORMED"


@pytest.mark.parametrize(
    "header", ["", "Bearer abc", "Digest username=app", "Basic\tYXBwOnNlY3JldA==", "YXBwOnNlY3JldA=="]
)
def test_other_authorization_scheme_is_invalid_client(header):
    error = refusal_of(header, client_id="app")
    assert isinstance(error, InvalidClient)
    assert error.reason == "CLIENT_AUTH_SCHEME"


@pytest.mark.s(18)
@pytest.mark.parametrize(
    ("header", "parameters"),
    [
        (basic("app:secret"), {"client_secret": "secret"}),
        (basic("app:secret"), {"client_assertion": "x.y.z"}),
        (basic("app:"), {"client_secret": "secret"}),
        ("Bearer x", {"client_secret": "secret"}),
        (None, {"client_id": "app", "client_secret": "secret", "client_assertion": "x.y.z"}),
    ],
)
def test_two_client_authentication_methods_are_refused(header, parameters):
    error = refusal_of(header, **parameters)
    assert isinstance(error, InvalidRequest)
    assert error.reason == "CLIENT_AUTHENTICATED_TWICE"


@pytest.mark.s(18)
def test_client_id_in_body_must_match_the_header():
    assert read_credentials(basic("app:secret"), Parameters({"client_id": "app"})).client_id == "app"
    assert refusal_of(basic("app:secret"), client_id="other").reason == "CLIENT_ID_MISMATCH"


@pytest.mark.parametrize("parameters", [{}, {"client_id": ""}, {"client_secret": "secret"}])
def test_request_without_client_id_is_invalid_client(parameters):
    error = refusal_of(None, **parameters)
    assert isinstance(error, InvalidClient)
    assert error.reason == "CLIENT_MISSING"


@pytest.mark.s(18)
def test_client_secret_in_the_body_is_client_secret_post():
    read = read_credentials(None, Parameters({"client_id": "app", "client_secret": "a+b%20c:d"}))
    assert read == Credentials(client_id="app", method=POST, secret="a+b%20c:d")


@pytest.mark.s(20)
@pytest.mark.parametrize("parameters", [{"client_id": "app"}, {"client_id": "app", "client_secret": ""}])
def test_client_id_without_a_secret_has_method_none(parameters):
    assert read_credentials(None, Parameters(parameters)) == Credentials(client_id="app", method=NONE, secret="")


@pytest.mark.s(60)
def test_credentials_repr_contains_no_secret():
    assert "hunter2" not in repr(read_credentials(basic("app:hunter2"), EMPTY))
    assert "hunter2" not in repr(refusal_of("Basic hunter2", client_id="app"))
    assert "hunter2" not in str(refusal_of(basic("app:hunter2"), client_id="other"))


HEADERS = st.one_of(
    st.none(),
    st.text(),
    st.text().map("Basic ".__add__),
    st.binary().map(basic),
    st.text(string.printable + "%:+\0é").map(basic),
)


@given(
    HEADERS, st.dictionaries(st.sampled_from(["client_id", "client_secret", "client_assertion"]), st.text(), max_size=3)
)
def test_read_credentials_raises_oauth_errors_only(header, parameters):
    try:
        read = read_credentials(header, Parameters(parameters))
    except (InvalidClient, InvalidRequest):
        return
    assert read.client_id
    assert read.method in {BASIC, POST, NONE}


def test_empty_basic_secret_counts_as_no_secret():
    """Public clients of x/oauth2, curl and others send `client_id:` (RFC 6749 2.3.1: an empty secret may be omitted)."""
    assert read_credentials(basic("app:"), Parameters({})) == Credentials(client_id="app", method=NONE)


@pytest.mark.parametrize("method", [PRIVATE_KEY_JWT, CLIENT_SECRET_JWT])
def test_credentials_of_an_assertion_method_need_an_assertion(method):
    with pytest.raises(ValueError, match="have an assertion"):
        Credentials(client_id="app", method=method)
