"""Metadata that self-registered clients may set, and limits of the policy."""

from typing import Any

import pytest

from libs.oauth.client_metadata import ClientMetadata, parse_metadata
from libs.oauth.errors import InvalidClientMetadata, InvalidRedirectUri, OAuthError
from libs.oauth.registration import CLIENTS_MEMBERS, OPERATORS_MEMBERS, RegistrationPolicy
from libs.oauth.scopes import STANDARD_SCOPES

CALLBACK = "https://app.example/cb"
WEB: dict[str, Any] = {"redirect_uris": [CALLBACK]}
IMPLICIT: dict[str, Any] = {**WEB, "grant_types": ["implicit"], "response_types": ["id_token token"]}
POLICY = RegistrationPolicy()


def refusal_of(members: dict[str, Any], policy: RegistrationPolicy = POLICY, **more: Any) -> OAuthError:
    with pytest.raises((InvalidClientMetadata, InvalidRedirectUri)) as refusal:
        policy.read(members, **more)
    return refusal.value


@pytest.mark.s(57)
def test_every_metadata_member_is_assigned_to_clients_or_operators():
    assert set(ClientMetadata.__dataclass_fields__) == CLIENTS_MEMBERS | OPERATORS_MEMBERS
    assert CLIENTS_MEMBERS.isdisjoint(OPERATORS_MEMBERS)


def test_registration_defaults_have_the_least_rights():
    metadata = POLICY.read(WEB)
    assert (metadata.grant_types, metadata.response_types) == (("authorization_code",), ("code",))
    assert metadata.token_endpoint_auth_method == "client_secret_basic"
    assert (metadata.consent, metadata.introspection) == ("required", "own")
    assert metadata.scopes == STANDARD_SCOPES


@pytest.mark.s(57)
def test_registration_ignores_operator_and_unknown_members():
    """RFC 7591 2: what is not understood must be ignored."""
    members = {
        **WEB,
        "consent": "skip",
        "introspection": "all",
        "client_id": "mine",
        "client_secret": "mine",
        "client_secret_expires_at": 0,
        "registration_access_token": "mine",
        "software_statement": "e30.e30.",
        "client_name#ja": "名前",
        "": {"deep": [{}]},
    }
    assert POLICY.read(members) == POLICY.read(WEB)


@pytest.mark.s(11)
def test_registration_requires_pkce_for_public_clients_or_on_request():
    assert not POLICY.read(WEB).require_pkce
    assert POLICY.read({**WEB, "require_pkce": True}).require_pkce
    public = {**WEB, "token_endpoint_auth_method": "none"}
    assert POLICY.read(public).require_pkce
    assert POLICY.read({**public, "require_pkce": False}).require_pkce


@pytest.mark.s(57)
@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({**WEB, "grant_types": ["authorization_code", "client_credentials"]}, "REGISTRATION_GRANT"),
        ({"grant_types": ["client_credentials"]}, "REGISTRATION_GRANT"),
        ({"grant_types": ["urn:ietf:params:oauth:grant-type:device_code"]}, "REGISTRATION_GRANT"),
        ({**WEB, "grant_types": ["authorization_code", "password"]}, "REGISTRATION_GRANT"),
        ({**WEB, "grant_types": ["authorization_code", "unknown"]}, "METADATA_VALUE"),
        ({**WEB, "scope": "openid orders:write"}, "REGISTRATION_SCOPE"),
        ({**WEB, "request_object_signing_alg": "none"}, "REGISTRATION_UNSIGNED_REQUESTS"),
        ({**WEB, "token_endpoint_auth_method": "tls_client_auth"}, "METADATA_VALUE"),
        ({**WEB, "initiate_login_uri": "http://app.example/start"}, "METADATA_URL"),
        ({}, "METADATA_REDIRECT_URIS"),
    ],
)
def test_registration_beyond_the_policy_is_refused(members: dict[str, Any], reason: str):
    refusal = refusal_of(members)
    assert (refusal.error, refusal.reason) == ("invalid_client_metadata", reason)


@pytest.mark.s(3)
@pytest.mark.parametrize("uri", [f"{CALLBACK}#foobar", "javascript:alert(1)", "http://app.example/cb", 7])
def test_registration_with_an_invalid_redirect_uri_is_invalid_redirect_uri(uri: object):
    assert refusal_of({"redirect_uris": [CALLBACK, uri]}).error == "invalid_redirect_uri"


def test_registered_redirect_uris_may_have_several_hosts():
    uris = (CALLBACK, "https://example.org/redirect?bar=foo")
    assert POLICY.read({"redirect_uris": [*uris]}).redirect_uris == uris


def test_registration_policy_can_permit_more_scopes():
    policy = RegistrationPolicy(scopes=(*STANDARD_SCOPES, "notes"))
    assert policy.read({**WEB, "scope": "openid notes"}).scope == "openid notes"
    assert policy.read(WEB).scopes == STANDARD_SCOPES
    assert refusal_of({**WEB, "scope": "orders"}, policy).reason == "REGISTRATION_SCOPE"


@pytest.mark.s(57)
def test_registration_gets_the_resources_of_the_policy():
    policy = RegistrationPolicy(resources=("https://tools.example",))
    assert policy.read({**WEB, "resources": ["https://mine.example"]}).resources == ("https://tools.example",)
    assert POLICY.read({**WEB, "resources": ["https://mine.example"]}).resources == ()
    kept = policy.read(WEB, before=parse_metadata({**WEB, "resources": ["https://other.example"]}))
    assert kept.resources == ("https://other.example",)


@pytest.mark.s(17)
def test_implicit_registration_is_explicit_and_can_be_disabled():
    assert POLICY.read(IMPLICIT).response_types == ("id_token token",)
    policy = RegistrationPolicy(front_channel=False)
    assert refusal_of(IMPLICIT, policy).reason == "REGISTRATION_FRONT_CHANNEL"
    assert policy.read(WEB).response_types == ("code",)


@pytest.mark.s(17)
@pytest.mark.parametrize("uri", ["http://127.0.0.1/cb", "https://localhost/cb", "https://LOCALHOST:8443/cb", "a.b:/cb"])
def test_implicit_web_client_cannot_use_localhost_or_http_redirects(uri: str):
    """OpenID Connect Dynamic Registration 1.0, 2: application_type."""
    refusal = refusal_of({**IMPLICIT, "redirect_uris": [CALLBACK, uri]})
    assert (refusal.error, refusal.reason) == ("invalid_redirect_uri", "REGISTRATION_LOCAL_REDIRECT")
    assert POLICY.read({**IMPLICIT, "redirect_uris": [uri], "application_type": "native"}).redirect_uris == (uri,)
    assert POLICY.read({"redirect_uris": [uri]}).redirect_uris == (uri,)


@pytest.mark.s(57)
def test_registration_update_keeps_the_operator_members():
    """RFC 7592 2.2."""
    before = parse_metadata({**WEB, "client_name": "Old", "consent": "skip", "introspection": "all"})
    after = POLICY.read({**WEB, "consent": "required", "introspection": "own"}, before=before)
    assert (after.client_name, after.consent, after.introspection) == ("", "skip", "all")


@pytest.mark.s(20)
def test_confidential_client_cannot_become_public():
    public = {**WEB, "token_endpoint_auth_method": "none"}
    assert refusal_of(public, before=POLICY.read(WEB)).reason == "REGISTRATION_DOWNGRADE"
    assert POLICY.read(WEB, before=POLICY.read(public)).has_secret
