"""Both edges with random input: no response is a 5xx or a stack trace, and no connection stays without a response."""

from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.stack import Stack

pytestmark = [pytest.mark.s(61), pytest.mark.xdist_group("sqlite")]

BROWSER_EDGE = [
    "/authorize",
    "/authorize/resume",
    "/sign-in",
    "/consent",
    "/device",
    "/device/confirm",
    "/logout",
    "/check-session",
    "/jwks",
    "/",
]
_NAMES = st.sampled_from(
    [
        *[
            "client_id",
            "redirect_uri",
            "response_type",
            "response_mode",
            "scope",
            "state",
            "nonce",
            "prompt",
            "max_age",
        ],
        *["claims", "request", "request_uri", "id_token_hint", "login_hint", "acr_values", "ui_locales", "resource"],
        *["grant_type", "code", "code_verifier", "code_challenge", "code_challenge_method", "refresh_token", "token"],
        *["client_secret", "client_assertion", "client_assertion_type", "device_code", "user_code", "username"],
        *["password", "csrf", "request_id", "post_logout_redirect_uri", "access_token", "token_type_hint"],
    ]
) | st.text(max_size=20)
_WORDS = st.sampled_from(
    [
        *["code", "token", "id_token", "openid", "none", "S256", "authorization_code", "refresh_token", "password"],
        *["client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "0", "-1", "99999999999999999999"],
        *["urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "{}", "[[[[[[", '{"userinfo":{"name":null}}'],
        *["eyJhbGciOiJub25lIn0.e30.", "a.b.c", "https://127.0.0.1/", "javascript:alert(1)", "\x00", "\ud83d\ude00"],
        *["urn:ietf:params:oauth:request_uri:x", "%", "+", "a" * 3_000],
    ]
)
_VALUES = _WORDS | st.text(max_size=60)
_PAIRS = st.lists(st.tuples(_NAMES, _VALUES), max_size=8)
_HEADER_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
_HEADERS = st.dictionaries(
    st.sampled_from(["Authorization", "Cookie", "Content-Type", "Accept", "Origin", "X-Forwarded-For", "Traceparent"]),
    st.sampled_from(
        [
            *["Basic", "Basic !!!", "Basic Og==", "Bearer", "Bearer a.b.c", "DPoP x", "text/plain", "a=b; a=c", "*/*"],
            *["application/json", "application/x-www-form-urlencoded; charset=utf-7", "multipart/form-data", "null"],
        ]
    )
    | _HEADER_TEXT.map(str.strip),
    max_size=3,
)
_few = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def endpoints(system: Stack) -> list[str]:
    """Every URL in the discovery document, and the pages."""
    metadata = httpx2.get(f"{system.issuer}/.well-known/openid-configuration").json()
    named = [value for name, value in metadata.items() if name.endswith("_endpoint")]
    return sorted({*named, *(f"{system.issuer}{path}" for path in BROWSER_EDGE)})


@pytest.fixture(scope="module")
def urls(stack: Stack) -> list[str]:
    return endpoints(stack)


@pytest.fixture(scope="module")
def machine(stack: Stack) -> tuple[str, str]:
    client = stack.clients["machine"]
    return client["client_id"], client["client_secret"]


def answered(response: httpx2.Response) -> None:
    assert response.status_code < 500, response.text[:500]
    assert "Traceback" not in response.text
    assert "services/" not in response.text


@_few
@given(data=st.data(), pairs=_PAIRS, headers=_HEADERS, post=st.booleans())
def test_random_parameters_and_headers_cause_no_server_error(
    urls: list[str], data: st.DataObject, pairs: list[tuple[str, str]], headers: dict[str, str], *, post: bool
) -> None:
    url = data.draw(st.sampled_from(urls))
    query = _parameters(pairs)
    with httpx2.Client(timeout=20) as client:
        if post:
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            answered(client.post(url, content=str(query), headers=form | headers))
        else:
            answered(client.get(url, params=query, headers=headers))


@_few
@given(data=st.data(), body=st.binary(max_size=200), kind=st.sampled_from(["x-www-form-urlencoded", "json", "jwt"]))
def test_random_bodies_cause_no_server_error(urls: list[str], data: st.DataObject, body: bytes, kind: str) -> None:
    url = data.draw(st.sampled_from(urls))
    with httpx2.Client(timeout=20) as client:
        answered(client.post(url, content=body, headers={"Content-Type": f"application/{kind}"}))


@_few
@given(data=st.data(), pairs=_PAIRS)
def test_random_parameters_of_a_registered_client_cause_no_server_error(
    urls: list[str], machine: tuple[str, str], data: st.DataObject, pairs: list[tuple[str, str]]
) -> None:
    """Most of the code runs after client authentication."""
    url = data.draw(st.sampled_from([url for url in urls if "/authorize" not in url]))
    form = _parameters(pairs)
    with httpx2.Client(timeout=20, auth=machine) as client:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answered(client.post(url, content=str(form), headers=headers))


def _parameters(pairs: list[tuple[str, str]]) -> httpx2.QueryParams:
    readable: list[tuple[str, Any]] = [(_encodable(name), _encodable(value)) for name, value in pairs]
    return httpx2.QueryParams(readable)


def _encodable(text: str) -> str:
    """Text without lone surrogates, which cannot be encoded as UTF-8."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
