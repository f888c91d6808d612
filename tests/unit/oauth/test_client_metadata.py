import math
import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from libs.oauth.client_metadata import ClientMetadata, parse_metadata
from libs.oauth.errors import InvalidClientMetadata, InvalidRedirectUri, OAuthError
from libs.oauth.scopes import STANDARD_SCOPES

CALLBACK = "https://app.example/cb"
WEB = {"redirect_uris": [CALLBACK]}
MACHINE = {"grant_types": ["client_credentials"]}
EVERYTHING = {
    "client_name": "Zoë's application (β)",
    "redirect_uris": [CALLBACK, "http://127.0.0.1/cb", "com.example.app:/cb"],
    "post_logout_redirect_uris": ["https://app.example/bye"],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "client_secret_post",
    "token_endpoint_auth_signing_alg": "ES256",
    "jwks_uri": "https://app.example/jwks.json",
    "scope": "openid profile api:read",
    "client_uri": "https://app.example",
    "logo_uri": "https://app.example/logo.png",
    "policy_uri": "https://app.example/policy",
    "tos_uri": "https://app.example/terms?lang=en",
    "initiate_login_uri": "https://app.example/start",
    "contacts": ["ops@app.example"],
    "application_type": "native",
    "default_max_age": 3600,
    "default_acr_values": ["urn:latchkey:acr:mfa"],
    "subject_type": "pairwise",
    "sector_identifier_uri": "https://app.example/sector.json",
    "id_token_signed_response_alg": "ES256",
    "userinfo_signed_response_alg": "ES256",
    "introspection_signed_response_alg": "ES256",
    "backchannel_logout_uri": "https://app.example:8443/backchannel?a=b",
    "backchannel_logout_session_required": True,
    "frontchannel_logout_uri": f"{urlsplit(CALLBACK).scheme}://{urlsplit(CALLBACK).netloc}/frontchannel",
    "frontchannel_logout_session_required": True,
    "request_uris": ["https://app.example/request.jwt#0123"],
    "request_object_signing_alg": "none",
    "require_pushed_authorization_requests": True,
    "require_pkce": False,
    "dpop_bound_access_tokens": True,
    "claims_in_id_token": True,
    "claims_in_access_token": ["groups"],
    "consent": "skip",
    "required_acr": "urn:latchkey:acr:mfa",
    "security_profile": "oidc",
    "strict_client_jwts": True,
    "introspection": "all",
    "resources": ["https://api.example/orders", "urn:example:api"],
    "served_resources": ["https://app.example"],
}


def refusal_of(members: object) -> OAuthError:
    with pytest.raises((InvalidClientMetadata, InvalidRedirectUri)) as refusal:
        parse_metadata(members)  # type: ignore[arg-type]
    return refusal.value


def test_every_metadata_member_survives_a_round_trip():
    assert parse_metadata(EVERYTHING).to_json() == EVERYTHING
    assert {*EVERYTHING, "jwks"} == set(ClientMetadata.__dataclass_fields__)  # jwks and jwks_uri exclude each other


@pytest.mark.parametrize(
    "members",
    [
        EVERYTHING,
        WEB,
        MACHINE,
        {**WEB, "token_endpoint_auth_method": "none"},
        {**WEB, "default_max_age": 0},
        {**WEB, "require_pkce": False},
        {**WEB, "response_types": ["code"], "grant_types": ["authorization_code", "refresh_token"]},
        {**MACHINE, "response_types": []},
    ],
)
def test_metadata_written_as_json_are_parsed_equal(members):
    metadata = parse_metadata(members)
    assert parse_metadata(metadata.to_json()) == metadata


def test_metadata_defaults_are_a_confidential_web_client_with_consent():
    metadata = parse_metadata(WEB)
    assert metadata == ClientMetadata(redirect_uris=(CALLBACK,))
    assert metadata.to_json() == {
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "application_type": "web",
        "subject_type": "public",
        "id_token_signed_response_alg": "RS256",
        "introspection_signed_response_alg": "RS256",
        "backchannel_logout_session_required": False,
        "frontchannel_logout_session_required": False,
        "require_pushed_authorization_requests": False,
        "dpop_bound_access_tokens": False,
        "claims_in_id_token": False,
        "consent": "required",
        "security_profile": "oidc",
        "strict_client_jwts": False,
        "introspection": "own",
    }
    assert not metadata.is_public
    assert metadata.scopes == STANDARD_SCOPES


@pytest.mark.parametrize("name", sorted(set(EVERYTHING) - {"redirect_uris"}))
def test_null_member_takes_its_default(name):
    assert parse_metadata({**WEB, name: None}) == parse_metadata(WEB)


def test_client_without_redirects_has_no_response_types():
    metadata = parse_metadata(MACHINE)
    assert metadata.response_types == ()
    assert metadata.redirect_uris == ()


def test_client_scopes_are_the_registered_ones():
    assert parse_metadata({**WEB, "scope": "openid api:read"}).scopes == ("openid", "api:read")


@pytest.mark.parametrize(
    "name", ["jwks_url", "client_secret", "client_id", "sub", "redirect_uri", "REDIRECT_URIS", "", "x" * 9999]
)
@pytest.mark.parametrize("value", ["x", None])
def test_unknown_metadata_member_is_refused_by_name(name, value):
    error = refusal_of({**WEB, name: value})
    assert error.reason == "METADATA_UNKNOWN"
    assert error.description == f"{name[:80]} is not a client metadata member."


WRONG_TYPES: list[tuple[str, list[Any]]] = [
    ("client_name", [7, True, ["x"], {}, "x" * 501, "line\nbreak", "\0", "\x1b[31m", "\u202egnp.exe", "\ud800"]),
    ("grant_types", ["authorization_code", 7, {}, [7], [None], ["authorization_code"] * 51]),
    ("response_types", ["code", [7], [["code"]], [None]]),
    ("contacts", ["ops@app.example", [7], ["x" * 501], ["x"] * 51]),
    ("scope", [7, ["openid"], "x" * 501]),
    ("default_max_age", ["60", -1, 1.5, True, [], math.inf, -math.inf, math.nan, 2**31, 10**400, 1e300]),
    ("require_pkce", ["true", 1, 0, [], "no"]),
    ("client_uri", [7, ["https://app.example"]]),
]


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG_TYPES for value in values])
def test_metadata_value_of_another_type_is_refused(name, value):
    error = refusal_of({**WEB, name: value})
    assert error.reason == "METADATA_TYPE"
    assert error.description.startswith(f"{name} must be ")


@pytest.mark.s(6)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grant_types", ["passwords"]),
        ("grant_types", ["authorization_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"]),
        ("response_types", ["code", "none"]),
        ("response_types", [""]),
        ("token_endpoint_auth_method", "tls_client_auth"),
        ("token_endpoint_auth_method", "NONE"),
        ("token_endpoint_auth_method", ["none"]),
        ("application_type", "mobile"),
        ("id_token_signed_response_alg", "none"),
        ("id_token_signed_response_alg", "HS256"),
        ("id_token_signed_response_alg", "rs256"),
        ("consent", "never"),
        ("consent", True),
    ],
)
def test_unsupported_metadata_value_is_refused_with_the_supported_values(name, value):
    error = refusal_of({**WEB, name: value})
    assert error.reason == "METADATA_VALUE"
    assert re.fullmatch(rf"{name} (must be one of|contains an unsupported value\. Supported): .+\.", error.description)


@pytest.mark.s(18)
def test_secret_may_be_sent_in_header_or_body_when_no_method_is_named():
    assert parse_metadata(WEB).auth_methods == {"client_secret_basic", "client_secret_post"}
    assert parse_metadata(WEB).has_secret
    named = parse_metadata({**WEB, "token_endpoint_auth_method": "client_secret_post"})
    assert named.auth_methods == {"client_secret_post"}


@pytest.mark.parametrize(
    ("members", "required"),
    [
        ({}, None),
        ({"require_pkce": False}, False),
        ({"token_endpoint_auth_method": "none"}, True),
        ({"token_endpoint_auth_method": "none", "require_pkce": False}, True),
    ],
)
def test_pkce_is_always_required_of_public_clients(members, required):
    assert parse_metadata({**WEB, **members}).require_pkce is required


@pytest.mark.s(44)
@pytest.mark.parametrize("name", ["client_uri", "logo_uri", "policy_uri", "tos_uri", "initiate_login_uri"])
@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://app.example",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:image/svg+xml,<svg/>",
        "//app.example",
        "app.example",
        "https://",
        "https:///logo",
        "https://user@app.example",
        "https://[",
        "https://[nothing]/",
        "https://app.example/'onerror='x",
        'https://app.example/"',
        "https://app.example/<script>",
        "https://app.example\\@evil.example",
        "https://app.example/a b",
    ],
)
def test_linked_pages_must_be_https_urls(name, url):
    assert refusal_of({**WEB, name: url}).reason == "METADATA_URL"


@pytest.mark.parametrize("scope", ["a  b", 'a"b', "a\\b", "é", " ".join(f"s{n}" for n in range(65))])
def test_malformed_scope_member_is_refused(scope):
    assert refusal_of({**WEB, "scope": scope}).reason == "METADATA_SCOPE"


@pytest.mark.s(3)
@pytest.mark.parametrize("name", ["redirect_uris", "post_logout_redirect_uris"])
@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("javascript:alert(1)", "REDIRECT_URI_SCHEME"),
        ("https://app.example/cb#x", "REDIRECT_URI_FRAGMENT"),
        ("https://user@app.example/cb", "REDIRECT_URI_USERINFO"),
        ("http://app.example/cb", "REDIRECT_URI_HTTP"),
        ("https://*.app.example/cb", "REDIRECT_URI_HOST"),
        (" https://app.example/cb", "REDIRECT_URI_CHARACTERS"),
        ("", "REDIRECT_URI_CHARACTERS"),
        (7, "REDIRECT_URI_TYPE"),
        (None, "REDIRECT_URI_TYPE"),
    ],
)
def test_every_registered_redirect_uri_is_checked(name, uri, reason):
    error = refusal_of({**WEB, name: [CALLBACK, uri]})
    assert isinstance(error, InvalidRedirectUri)
    assert error.reason == reason


@pytest.mark.s(2)
@pytest.mark.parametrize("value", ["https://app.example/*", {"0": CALLBACK}, 7, [CALLBACK] * 51])
def test_redirect_uris_must_be_a_list_without_patterns(value):
    assert refusal_of({"redirect_uris": value}).reason == "METADATA_TYPE"


def test_redirect_uri_of_maximum_length_is_accepted():
    long = "https://app.example/" + "a" * 1_900
    assert parse_metadata({"redirect_uris": [long]}).redirect_uris == (long,)


def test_repeated_metadata_values_are_removed():
    metadata = parse_metadata(
        {
            "redirect_uris": [CALLBACK, CALLBACK],
            "grant_types": ["authorization_code", "authorization_code"],
            "scope": "openid openid",
        }
    )
    assert metadata.redirect_uris == (CALLBACK,)
    assert metadata.grant_types == ("authorization_code",)
    assert metadata.scope == "openid"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "METADATA_REDIRECT_URIS"),
        ({"redirect_uris": []}, "METADATA_REDIRECT_URIS"),
        ({**WEB, "grant_types": []}, "METADATA_GRANT_TYPES"),
        ({**WEB, "response_types": []}, "METADATA_GRANT_RESPONSE"),
        ({**WEB, **MACHINE, "response_types": ["code"]}, "METADATA_GRANT_RESPONSE"),
        ({"grant_types": ["refresh_token"]}, "METADATA_REFRESH_ALONE"),
        ({**MACHINE, "scope": "openid"}, "METADATA_SCOPE"),
        ({**MACHINE, "scope": "api:read openid"}, "METADATA_SCOPE"),
    ],
)
def test_inconsistent_metadata_are_refused(members, reason):
    assert refusal_of(members).reason == reason


@pytest.mark.s(20)
@pytest.mark.parametrize("grant_types", [["client_credentials"], ["authorization_code", "client_credentials"]])
def test_public_client_cannot_use_confidential_grants(grant_types):
    error = refusal_of({**WEB, "grant_types": grant_types, "token_endpoint_auth_method": "none"})
    assert error.reason == "METADATA_PUBLIC_CREDENTIALS"


@pytest.mark.s(11)
@pytest.mark.parametrize("asked", [True, False, None])
def test_public_client_always_requires_pkce(asked):
    metadata = parse_metadata({**WEB, "token_endpoint_auth_method": "none", "require_pkce": asked})
    assert metadata.is_public
    assert metadata.require_pkce


@pytest.mark.parametrize("seconds", [0, 1, 600, 600.0, 2**31 - 1])
def test_whole_number_may_be_a_json_float(seconds):
    age = parse_metadata({**WEB, "default_max_age": seconds}).default_max_age
    assert age == seconds
    assert isinstance(age, int)


def test_metadata_text_is_trimmed():
    assert parse_metadata({**WEB, "client_name": "  App  "}).client_name == "App"


PUBLIC_KEY = {"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"} | {
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"  # RFC 7515 A.3
}


def test_jwks_is_stored_unchanged_also_without_kid():
    members = {**WEB, "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [PUBLIC_KEY]}}
    assert parse_metadata(members).to_json()["jwks"] == {"keys": [PUBLIC_KEY]}
    assert not parse_metadata(members).has_secret


@pytest.mark.s(61)
def test_jwks_keeps_string_members_only():
    deep: Any = []
    for _ in range(1_000):
        deep = [deep]
    noise = {"ext": True, "exp": 10**400, "deep": deep, "map": {"a": "b"}, "x5c": [7], "nothing": None}
    members = {**WEB, "jwks": {"keys": [{**PUBLIC_KEY, "key_ops": ["verify"], **noise}], "more": deep}}
    assert parse_metadata(members).to_json()["jwks"] == {"keys": [{**PUBLIC_KEY, "key_ops": ["verify"]}]}


@pytest.mark.s(30)
@pytest.mark.parametrize(
    "members",
    [
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"jwks": {"keys": [PUBLIC_KEY]}, "jwks_uri": "https://app.example/jwks.json"},
        {"jwks": {"keys": []}},
        {"jwks": {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}},
        {"jwks": {"keys": [{**PUBLIC_KEY, "use": "enc"}]}},
        {"jwks": {"keys": [{**PUBLIC_KEY, "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}},
        {"jwks": {"keys": [{"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"}]}},
        {"jwks": [PUBLIC_KEY]},
        {"jwks_uri": "http://app.example/jwks.json"},
    ],
)
def test_invalid_private_or_duplicate_jwks_are_refused(members):
    assert refusal_of({**WEB, **members}).reason.startswith(("METADATA_JWKS", "METADATA_URL"))


@pytest.mark.parametrize("name", ["resources", "served_resources"])
@pytest.mark.parametrize(
    "value", ["urn:x:api", [7], ["/orders"], ["https://api.example#a"], [""], [" urn:x"], ["urn:" + "x" * 297]]
)
def test_resources_member_must_contain_absolute_uris(name, value):
    assert refusal_of({**WEB, name: value}).reason in {"METADATA_RESOURCES", "METADATA_TYPE"}


@pytest.mark.s(32)
@pytest.mark.parametrize("members", [{"introspection": "all"}, {"served_resources": ["https://api.example"]}])
def test_public_client_may_introspect_its_own_tokens_only(members):
    error = refusal_of({**WEB, "token_endpoint_auth_method": "none", **members})
    assert error.reason == "METADATA_PUBLIC_INTROSPECTION"
