"""Every check of an authorization request as a table: what is asked, and how it is refused."""

import json
from typing import Any

import pytest

from libs.oauth.errors import (
    MAX_NAMED_VALUE_LENGTH,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    OAuthError,
    name_values,
)
from libs.oauth.parameters import Parameters
from libs.oauth.response_types import ResponseMode
from services.token.domain.authorization.authorization_request import (
    CHECKS,
    MAX_NONCE_LENGTH,
    MAX_STATE_LENGTH,
    disclosed_scopes,
    find_redirect_uri,
    find_response_mode,
    judge,
)
from services.token.domain.clients.client import Client
from tests.unit.token.parts import (
    CHALLENGE,
    LOOPBACK_URI,
    PRIVATE_URI,
    REDIRECT_URI,
    a_client,
    a_native_client,
    a_request,
    parameters_of,
)

MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "response_types": [], "scope": "notes"}
NO_PKCE: dict[str, Any] = {"require_pkce": False}
PKCE: dict[str, Any] = {"require_pkce": True}
WITHOUT_CHALLENGE: dict[str, Any] = {"code_challenge": None, "code_challenge_method": None}

EVERYTHING: dict[str, Any] = {
    "grant_types": ["authorization_code", "implicit"],
    "response_types": [
        *["code", "token", "id_token", "id_token token"],
        *["code id_token", "code token", "code id_token token"],
    ],
}

API: dict[str, Any] = {"resources": ["https://api.example"]}

LOGIN_ONLY: dict[str, Any] = {"grant_types": ["implicit"], "response_types": ["id_token"]}

REFUSALS: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({"registration": "{}"}, {}, "registration_not_supported", "REGISTRATION_NOT_SUPPORTED"),
    ({"response_type": None}, {}, "invalid_request", "RESPONSE_TYPE_MISSING"),
    ({"response_type": "token"}, {}, "unauthorized_client", "RESPONSE_TYPE_FORBIDDEN"),
    ({"response_type": "id_token token"}, {}, "unauthorized_client", "RESPONSE_TYPE_FORBIDDEN"),
    ({"response_type": "code token"}, {}, "unauthorized_client", "RESPONSE_TYPE_FORBIDDEN"),
    ({"response_type": "code id_token"}, LOGIN_ONLY, "unauthorized_client", "RESPONSE_TYPE_FORBIDDEN"),
    ({"response_type": "id_token", "response_mode": "query"}, EVERYTHING, "invalid_request", "RESPONSE_MODE"),
    ({"response_type": "token", "response_mode": "query"}, EVERYTHING, "invalid_request", "RESPONSE_MODE"),
    ({"response_type": "code token", "response_mode": "query"}, EVERYTHING, "invalid_request", "RESPONSE_MODE"),
    ({"response_type": "id_token", "nonce": None}, EVERYTHING, "invalid_request", "NONCE_MISSING"),
    ({"response_type": "code id_token", "nonce": None}, EVERYTHING, "invalid_request", "NONCE_MISSING"),
    ({"response_type": "token id_token", "nonce": None}, EVERYTHING, "invalid_request", "NONCE_MISSING"),
    ({"response_type": "id_token", "scope": "notes"}, EVERYTHING, "invalid_scope", "SCOPE_OPENID_MISSING"),
    ({"response_type": "code id_token", **WITHOUT_CHALLENGE}, EVERYTHING | PKCE, "invalid_request", "PKCE_REQUIRED"),
    ({"nonce": None, **WITHOUT_CHALLENGE}, {}, "invalid_request", "PKCE_REQUIRED"),
    ({"nonce": "", **WITHOUT_CHALLENGE}, {}, "invalid_request", "PKCE_REQUIRED"),
    ({"scope": "notes", **WITHOUT_CHALLENGE}, {}, "invalid_request", "PKCE_REQUIRED"),
    ({"acr_values": " ".join(["1"] * 33)}, {}, "invalid_request", "ACR_VALUES_COUNT"),
    ({"claims": "[]"}, {}, "invalid_request", "CLAIMS_REQUEST_MALFORMED"),
    ({"claims": '{"userinfo": []}'}, {}, "invalid_request", "CLAIMS_REQUEST_MALFORMED"),
    ({"claims": '{"userinfo": {"email": true}}'}, {}, "invalid_request", "CLAIMS_REQUEST_MALFORMED"),
    ({"response_type": "none"}, {}, "unsupported_response_type", "RESPONSE_TYPE_UNSUPPORTED"),
    ({"response_type": "CODE"}, {}, "unsupported_response_type", "RESPONSE_TYPE_UNSUPPORTED"),
    ({"response_type": "code "}, {}, "unsupported_response_type", "RESPONSE_TYPE_UNSUPPORTED"),
    ({}, MACHINE, "unauthorized_client", "RESPONSE_TYPE_FORBIDDEN"),
    ({"response_mode": "web_message"}, {}, "invalid_request", "RESPONSE_MODE"),
    ({"response_mode": "form_post.jwt"}, {}, "invalid_request", "RESPONSE_MODE"),
    ({"response_mode": "QUERY"}, {}, "invalid_request", "RESPONSE_MODE"),
    ({"scope": "openid admin"}, {}, "invalid_scope", "SCOPE_NOT_REGISTERED"),
    ({"scope": "openid NOTES"}, {}, "invalid_scope", "SCOPE_NOT_REGISTERED"),
    ({"scope": "openid  notes"}, {}, "invalid_scope", "SCOPE_MALFORMED"),
    ({"scope": 'openid "notes"'}, {}, "invalid_scope", "SCOPE_MALFORMED"),
    ({"scope": "openid\tnotes"}, {}, "invalid_scope", "SCOPE_MALFORMED"),
    ({"scope": " ".join(f"s{number}" for number in range(65))}, {}, "invalid_scope", "SCOPE_MALFORMED"),
    ({"scope": None}, {"scope": "notes printers"}, "invalid_scope", "SCOPE_MISSING"),
    ({"scope": None}, {"scope": "profile offline_access"}, "invalid_scope", "SCOPE_MISSING"),
    ({"resource": "https://api.example"}, {}, "invalid_target", "RESOURCE_NOT_REGISTERED"),
    ({"resource": "https://api.example/"}, API, "invalid_target", "RESOURCE_NOT_REGISTERED"),
    ({"resource": "https://api.example https://other.example"}, API, "invalid_target", "RESOURCE_NOT_REGISTERED"),
    ({"resource": "/orders"}, API, "invalid_target", "RESOURCE_MALFORMED"),
    ({"resource": "https://api.example#orders"}, API, "invalid_target", "RESOURCE_MALFORMED"),
    ({"resource": " ".join(f"urn:x:{number}" for number in range(6))}, API, "invalid_target", "RESOURCE_COUNT"),
    ({"state": "x" * (MAX_STATE_LENGTH + 1)}, {}, "invalid_request", "STATE_LENGTH"),
    ({"nonce": "x" * (MAX_NONCE_LENGTH + 1)}, {}, "invalid_request", "NONCE_LENGTH"),
    (WITHOUT_CHALLENGE, PKCE, "invalid_request", "PKCE_REQUIRED"),
    ({"code_challenge": None}, {}, "invalid_request", "PKCE_CHALLENGE_MISSING"),
    ({"code_challenge": None}, NO_PKCE, "invalid_request", "PKCE_CHALLENGE_MISSING"),
    ({"code_challenge_method": None}, {}, "invalid_request", "PKCE_METHOD"),
    ({"code_challenge_method": None}, NO_PKCE, "invalid_request", "PKCE_METHOD"),
    ({"code_challenge_method": "plain"}, {}, "invalid_request", "PKCE_METHOD"),
    ({"code_challenge_method": "plain"}, NO_PKCE, "invalid_request", "PKCE_METHOD"),
    ({"code_challenge_method": "s256"}, {}, "invalid_request", "PKCE_METHOD"),
    ({"dpop_jkt": "x"}, {}, "invalid_request", "DPOP_JKT_MALFORMED"),
    ({"code_challenge": CHALLENGE[:-1]}, {}, "invalid_request", "PKCE_CHALLENGE_MALFORMED"),
    ({"code_challenge": CHALLENGE + "="}, {}, "invalid_request", "PKCE_CHALLENGE_MALFORMED"),
    ({"code_challenge": CHALLENGE[:-1] + "+"}, {}, "invalid_request", "PKCE_CHALLENGE_MALFORMED"),
    ({"prompt": "create"}, {}, "invalid_request", "PROMPT_UNKNOWN"),
    ({"prompt": "Login"}, {}, "invalid_request", "PROMPT_UNKNOWN"),
    ({"prompt": "none login"}, {}, "invalid_request", "PROMPT_NONE_NOT_ALONE"),
    ({"prompt": "consent none"}, {}, "invalid_request", "PROMPT_NONE_NOT_ALONE"),
    ({"max_age": "-1"}, {}, "invalid_request", "MAX_AGE_MALFORMED"),
    ({"max_age": "1.5"}, {}, "invalid_request", "MAX_AGE_MALFORMED"),
    ({"max_age": "soon"}, {}, "invalid_request", "MAX_AGE_MALFORMED"),
    ({"max_age": "٣"}, {}, "invalid_request", "MAX_AGE_MALFORMED"),
    ({"max_age": "1" * 11}, {}, "invalid_request", "MAX_AGE_MALFORMED"),
]


@pytest.mark.s(6, 7, 11, 12, 16, 17, 72)
@pytest.mark.parametrize(("changes", "metadata", "error", "reason"), REFUSALS)
def test_invalid_request_is_refused_with_a_reason(
    changes: dict[str, Any], metadata: dict[str, Any], error: str, reason: str
) -> None:
    with pytest.raises(OAuthError) as refusal:
        judge(a_request(**changes), a_client(**metadata))
    assert (refusal.value.error, refusal.value.reason) == (error, reason)
    assert refusal.value.redirectable


def test_the_table_of_refusals_has_a_row_for_every_check() -> None:
    """A check that refuses nothing here would not be missed."""
    for position, check in enumerate(CHECKS):
        others = CHECKS[:position] + CHECKS[position + 1 :]
        missed = 0
        for changes, metadata, _, _ in REFUSALS:
            request, client = a_request(**changes), a_client(**metadata)
            try:
                for other in others:
                    request = other(request, client)
            except OAuthError:
                continue
            missed += 1
        assert missed, check.__name__


def test_a_request_that_passes_is_read_whole() -> None:
    request = judge(
        a_request(scope="notes openid notes", prompt="login consent", max_age="60", response_mode="form_post"),
        a_client(),
    )
    assert request.response_type == {"code"}
    assert request.response_mode is ResponseMode.FORM_POST
    assert request.scopes == ("notes", "openid")
    assert request.prompts == {"login", "consent"}
    assert request.max_age == 60
    assert request.code_challenge == CHALLENGE
    assert (request.state, request.nonce, request.wants_code) == ("a state", "a nonce", True)


ACCEPTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"state": None, "nonce": None}, {}),
    ({"state": "x" * MAX_STATE_LENGTH, "nonce": "x" * MAX_NONCE_LENGTH}, {}),
    (WITHOUT_CHALLENGE, NO_PKCE),
    ({"max_age": "0"}, {}),
    ({"max_age": "9999999999"}, {}),
    ({"prompt": "login consent select_account"}, {}),
    # Conformance: unknown parameters and those that only help are no reason to refuse.
    ({"extra": "foobar", "display": "popup", "ui_locales": "se", "claims_locales": "se", "login_hint": "buffy"}, {}),
    ({"acr_values": "1 2", "claims": "{}"}, {}),
]


@pytest.mark.parametrize(("changes", "metadata"), ACCEPTED)
def test_a_request_is_accepted(changes: dict[str, Any], metadata: dict[str, Any]) -> None:
    judge(a_request(**changes), a_client(**metadata))


@pytest.mark.s(11)
def test_a_public_client_must_use_pkce_whatever_it_registered() -> None:
    with pytest.raises(OAuthError) as refusal:
        judge(a_request(**WITHOUT_CHALLENGE), a_native_client(require_pkce=False))
    assert refusal.value.reason == "PKCE_REQUIRED"


@pytest.mark.parametrize(
    ("registered", "smallest"),
    [
        ("openid profile email offline_access notes", ("openid",)),
        (None, ("openid",)),
        ("notes", ("notes",)),
        ("profile email address phone offline_access notes", ("notes",)),
    ],
)
def test_request_without_scope_gets_the_smallest_scope(registered: str | None, smallest: tuple[str, ...]) -> None:
    """RFC 6749 3.3: no claims about the user, no offline access, and no choice among the scopes of APIs."""
    assert judge(a_request(scope=None), a_client(scope=registered)).scopes == smallest


def test_missing_scope_error_names_the_registered_scopes() -> None:
    with pytest.raises(OAuthError) as refusal:
        judge(a_request(scope=None), a_client(scope="notes printers"))
    assert refusal.value.description == "scope is missing. Registered for this client: notes printers"


def test_a_client_that_registered_no_scope_may_ask_for_the_standard_ones() -> None:
    asked = "openid profile email address phone offline_access"
    assert judge(a_request(scope=asked), a_client(scope=None)).scopes == tuple(asked.split())


def test_max_age_is_the_clients_own_when_the_request_says_none() -> None:
    client = a_client(default_max_age=30)
    assert judge(a_request(), client).max_age == 30
    assert judge(a_request(max_age="60"), client).max_age == 60
    assert judge(a_request(max_age="0"), client).max_age == 0


@pytest.mark.s(16)
@pytest.mark.parametrize("value", ["-._~", "a b\tc", "ä→🗝", "%25+&=#<>\"'\\", " x "])
def test_state_and_nonce_are_taken_as_they_came(value: str) -> None:
    request = judge(a_request(state=value, nonce=value), a_client())
    assert (request.state, request.nonce) == (value, value)


@pytest.mark.s(16)
@pytest.mark.parametrize(
    ("nonce", "fits"),
    [
        ("ä" * 170, True),
        ("ä" * 171, False),
        ("🗝" * 85, True),
        ("🗝" * 86, False),
        ("\\" * 512, True),
        ("\n" * 513, False),
    ],
)
def test_a_nonce_is_measured_as_the_id_token_will_write_it(nonce: str, *, fits: bool) -> None:
    """Otherwise a code would be given that can never be redeemed: its ID token would be too large."""
    if fits:
        assert judge(a_request(nonce=nonce), a_client()).nonce == nonce
        return
    with pytest.raises(OAuthError) as refusal:
        judge(a_request(nonce=nonce), a_client())
    assert refusal.value.reason == "NONCE_LENGTH"


NOT_REGISTERED = [
    REDIRECT_URI + "/",
    REDIRECT_URI + "/more",
    REDIRECT_URI + "?foo=bar",
    REDIRECT_URI + "#fragment",
    REDIRECT_URI + "%2f",
    REDIRECT_URI.replace("cb", "CB"),
    REDIRECT_URI.replace("https", "http"),
    REDIRECT_URI.replace("https", "HTTPS"),
    REDIRECT_URI.replace("client.example", "client.example.evil.example"),
    REDIRECT_URI.replace("client.example", "client.example@evil.example"),
    REDIRECT_URI.replace("client.example", "clientxexample"),
    REDIRECT_URI.replace("client.example", "client.example:8443"),
    "https://client.example/..;/cb",
    "//client.example/cb",
    " " + REDIRECT_URI,
    REDIRECT_URI + "\n",
    "javascript:alert(1)",
    "http://127.0.0.1:8000/cb",
]


@pytest.mark.s(1, 2, 3, 4)
@pytest.mark.parametrize("uri", NOT_REGISTERED)
def test_a_redirect_uri_that_is_not_the_registered_one_gets_a_page(uri: str) -> None:
    with pytest.raises(OAuthError) as refusal:
        find_redirect_uri(Parameters(parameters_of(redirect_uri=uri)), a_client())
    assert (refusal.value.error, refusal.value.reason) == ("invalid_request", "REDIRECT_URI_UNREGISTERED")
    assert not refusal.value.redirectable


@pytest.mark.s(1)
@pytest.mark.parametrize(
    ("uri", "registered"),
    [
        ("http://127.0.0.1:49152/cb", True),
        (LOOPBACK_URI, True),
        (PRIVATE_URI, True),
        ("http://127.0.0.1:49152/cb/", False),
        ("http://127.0.0.2:49152/cb", False),
        ("http://localhost:49152/cb", False),
        ("https://127.0.0.1:49152/cb", False),
        ("http://127.0.0.1:80@evil.example/cb", False),
        ("http://127.0.0.1:" + "0" * 2_000 + "80/cb", False),
        ("com.example.app:/cb?x", False),
        ("com.example.app:8080:/cb", False),
    ],
)
def test_a_native_app_may_choose_the_port_of_a_loopback_address_and_nothing_else(uri: str, *, registered: bool) -> None:
    assert a_native_client().has_redirect_uri(uri) is registered


@pytest.mark.s(1)
@pytest.mark.parametrize("application_type", ["web", "native"])
def test_port_of_a_loopback_uri_is_free_for_redirects_of_sign_in_and_sign_out(application_type: str) -> None:
    """RFC 8252 7.3; the name localhost only for native applications."""
    uris = [LOOPBACK_URI, "http://localhost/cb"]
    client = a_client(redirect_uris=uris, post_logout_redirect_uris=uris, application_type=application_type)
    for matches in (client.has_redirect_uri, client.has_post_logout_redirect_uri):
        assert matches(LOOPBACK_URI)
        assert matches("http://127.0.0.1:49152/cb")
        assert matches("http://localhost:49152/cb") is (application_type == "native")
        assert not matches("http://127.0.0.1:49152/other")


ONE = a_client()
TWO = a_client(redirect_uris=[REDIRECT_URI, "https://other.example/cb"])


@pytest.mark.s(4)
@pytest.mark.parametrize(
    ("client", "scope", "found"),
    [
        (ONE, "notes", True),
        (ONE, None, True),
        (ONE, "openid", False),  # OpenID Connect Core 3.1.2.1: required
        (ONE, "notes openid", False),
        (TWO, "notes", False),
    ],
)
def test_the_redirect_uri_may_be_left_out_only_if_there_is_one_and_it_is_plain_oauth(
    client: Client, scope: str | None, *, found: bool
) -> None:
    parameters = Parameters(parameters_of(redirect_uri=None, scope=scope))
    if found:
        assert find_redirect_uri(parameters, client) == REDIRECT_URI
        return
    with pytest.raises(OAuthError) as refusal:
        find_redirect_uri(parameters, client)
    assert (refusal.value.reason, refusal.value.redirectable) == ("REDIRECT_URI_MISSING", False)


@pytest.mark.s(7)
@pytest.mark.parametrize(
    ("response_type", "response_mode", "mode"),
    [
        ("code", None, "query"),
        ("code", "query", "query"),
        ("code", "fragment", "fragment"),
        ("code", "form_post", "form_post"),
        ("code", "unknown", "query"),
        (None, None, "query"),
        (None, "form_post", "form_post"),
        ("token", "query", "fragment"),
        ("token", None, "fragment"),
        ("id_token token", None, "fragment"),
        ("code id_token", None, "fragment"),
        ("code id_token", "query", "fragment"),
        ("token", "fragment", "fragment"),
        ("token", "form_post", "form_post"),
        ("nonsense", None, "query"),
    ],
)
def test_response_mode_is_found_before_validation(
    response_type: str | None, response_mode: str | None, mode: str
) -> None:
    parameters = Parameters(parameters_of(response_type=response_type, response_mode=response_mode))
    assert find_response_mode(parameters, REDIRECT_URI) == ResponseMode(mode)


@pytest.mark.parametrize("response_type", ["code", "id_token"])
def test_form_post_to_a_private_scheme_is_refused_in_a_redirect(response_type: str) -> None:
    """Browsers post forms to web servers only."""
    client = a_native_client(grant_types=["authorization_code", "implicit"], response_types=["code", "id_token"])
    changes = {"response_type": response_type, "response_mode": "form_post"}
    with pytest.raises(OAuthError) as refusal:
        judge(a_request(redirect_uri=PRIVATE_URI, **changes), client)
    assert refusal.value.reason == "FORM_POST_TO_NO_WEB_PAGE"
    assert refusal.value.redirectable
    assert refusal.value.description.startswith("response_mode form_post requires a redirect_uri")
    mode = find_response_mode(Parameters(parameters_of(**changes)), PRIVATE_URI)
    assert mode is (ResponseMode.QUERY if response_type == "code" else ResponseMode.FRAGMENT)
    judge(a_request(redirect_uri=LOOPBACK_URI, **changes), client)


@pytest.mark.s(9)
@pytest.mark.parametrize("changes", [row[0] for row in REFUSALS])
def test_error_description_repeats_no_parameter_value(changes: dict[str, Any]) -> None:
    """A canary in scope or resource carries a character that is not permitted there; see test_name_values_*."""
    marked = {
        name: f"{value} canary\\" if name in {"scope", "resource"} else f"canary {value}" if value else value
        for name, value in changes.items()
    }
    description = ""
    try:
        judge(a_request(**marked), a_client())
    except OAuthError as refusal:
        description = refusal.description
    assert "canary" not in description
    assert all(0x20 <= ord(character) <= 0x7E and character not in '"\\' for character in description)


@pytest.mark.parametrize(
    "value",
    [
        *(f"canary{chr(code)}" for code in (*range(0x21), 0x22, 0x5C, *range(0x7F, 0x101), 0x1F600)),
        "canary" + "x" * (MAX_NAMED_VALUE_LENGTH - 5),
        "",
    ],
)
def test_name_values_leaves_out_values_that_are_malformed_or_too_long(value: str) -> None:
    assert name_values("scope is invalid", [value]) == "scope is invalid."
    assert name_values("scope is invalid", [value, "notes"]) == "scope is invalid: notes"


def test_name_values_names_every_permitted_character() -> None:
    value = "".join(chr(code) for code in (0x21, *range(0x23, 0x5C), *range(0x5D, 0x7F)))
    assert name_values("scope is invalid", [value]) == f"scope is invalid: {value}"


def test_name_values_names_at_most_five_values() -> None:
    assert name_values("scope is invalid", "abcdefg") == "scope is invalid: a b c d e"


@pytest.mark.parametrize(
    ("changes", "error", "ending"),
    [
        ({"scope": "openid groups profile admin"}, InvalidScope, "this client: groups admin"),
        ({"scope": "openid " + "x" * MAX_NAMED_VALUE_LENGTH}, InvalidScope, "this client: " + "x" * 100),
        ({"scope": "openid " + "x" * (MAX_NAMED_VALUE_LENGTH + 1)}, InvalidScope, "for this client."),
        ({"scope": "openid a b c d e f g"}, InvalidScope, "this client: a b c d e"),
        ({"resource": "https://other.example"}, InvalidTarget, "this client: https://other.example"),
    ],
)
def test_refusal_names_the_values_that_are_not_registered(
    changes: dict[str, Any], error: type[OAuthError], ending: str
) -> None:
    client = a_client(scope="openid profile notes")
    with pytest.raises(error) as refusal:
        judge(a_request(**changes), client)
    assert refusal.value.description.endswith(ending)


@pytest.mark.parametrize("response_type", ["code", "code id_token"])
def test_confidential_client_may_send_a_nonce_instead_of_a_challenge(response_type: str) -> None:
    """RFC 9700 2.1.1."""
    request = judge(a_request(response_type=response_type, **WITHOUT_CHALLENGE), a_client(**EVERYTHING))
    assert (request.nonce, request.code_challenge) == (a_request().nonce, None)


def test_refusal_without_challenge_and_nonce_names_both_and_the_setting() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        judge(a_request(nonce=None, **WITHOUT_CHALLENGE), a_client())
    for name in ("code_challenge", "nonce", "require_pkce"):
        assert name in refusal.value.description


def test_public_client_needs_a_challenge_in_spite_of_a_nonce() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        judge(a_request(redirect_uri=PRIVATE_URI, **WITHOUT_CHALLENGE), a_native_client())
    assert refusal.value.reason == "PKCE_REQUIRED"


@pytest.mark.parametrize("part", ["id_token", "userinfo"])
def test_requested_claim_of_an_unregistered_scope_is_left_out(part: str) -> None:
    """OpenID Connect Core 5.5.1: a claim that is not returned is no error, essential or not."""
    asked = json.dumps({part: {"phone_number": {"essential": True}, "name": None}})
    request = judge(a_request(claims=asked), a_client(scope="openid profile notes"))
    assert getattr(request.claims, part) == ("name",)
    assert disclosed_scopes(request.parameters, a_client(scope="openid profile notes")) == request.disclosed_scopes
