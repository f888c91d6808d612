"""Modules that read the discovery document (Config, Dynamic OP, and the logout plans)."""

import re
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.flows.conformance.claims import published_keys
from tests.flows.conformance.suite import CODE, variants
from tests.support.stack import Stack

KNOWN = {
    *("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "registration_endpoint"),
    *("scopes_supported", "response_types_supported", "response_modes_supported", "grant_types_supported"),
    *("acr_values_supported", "subject_types_supported", "id_token_signing_alg_values_supported"),
    *("userinfo_signing_alg_values_supported", "request_object_signing_alg_values_supported"),
    *("token_endpoint_auth_methods_supported", "token_endpoint_auth_signing_alg_values_supported"),
    *("display_values_supported", "claim_types_supported", "claims_supported", "service_documentation"),
    *("claims_locales_supported", "ui_locales_supported", "claims_parameter_supported", "request_parameter_supported"),
    *("request_uri_parameter_supported", "require_request_uri_registration", "op_policy_uri", "op_tos_uri"),
    *("revocation_endpoint", "revocation_endpoint_auth_methods_supported"),
    *("revocation_endpoint_auth_signing_alg_values_supported", "introspection_endpoint"),
    *("introspection_endpoint_auth_methods_supported", "introspection_endpoint_auth_signing_alg_values_supported"),
    *("introspection_signing_alg_values_supported", "code_challenge_methods_supported", "prompt_values_supported"),
    *("pushed_authorization_request_endpoint", "require_pushed_authorization_requests"),
    *("device_authorization_endpoint", "authorization_response_iss_parameter_supported", "end_session_endpoint"),
    *("check_session_iframe", "frontchannel_logout_supported", "frontchannel_logout_session_supported"),
    *("backchannel_logout_supported", "backchannel_logout_session_supported", "require_signed_request_object"),
    "dpop_signing_alg_values_supported",
}
"""Members known to the suite: OpenID Connect Discovery, RFC 8414, 8628, 9126, 9207, 9449, 9701 and the logout specifications."""
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?")


@pytest.fixture
async def metadata(system: Stack) -> dict[str, Any]:
    async with httpx2.AsyncClient() as client:
        response = await client.get(f"{system.issuer}/.well-known/openid-configuration")
    assert (response.status_code, response.headers["content-type"].split(";")[0]) == (200, "application/json")
    found: dict[str, Any] = response.json()
    return found


@pytest.mark.conformance("oidcc-discovery-endpoint-verification")
@variants(*CODE)
async def test_discovery_document_has_the_required_metadata(system: Stack, metadata: dict[str, Any]) -> None:
    assert metadata["issuer"] == system.issuer
    assert metadata.keys() <= KNOWN
    assert None not in metadata.values()
    for name, value in metadata.items():
        if name.endswith("_supported") and not isinstance(value, bool):
            assert value, name
            assert all(isinstance(item, str) for item in value), name
    assert {"code", "id_token", "id_token token"} <= set(metadata["response_types_supported"])
    assert {"public"} <= set(metadata["subject_types_supported"]) <= {"public", "pairwise"}
    for name in ("id_token", "userinfo", "request_object"):
        assert "RS256" in metadata[f"{name}_signing_alg_values_supported"]
    assert {"authorization_code", "implicit"} <= set(metadata["grant_types_supported"])
    assert "openid" in metadata["scopes_supported"]
    assert "S256" in metadata["code_challenge_methods_supported"]
    assert metadata["claims_supported"]
    for name in ("ui_locales_supported", "claims_locales_supported"):
        assert all(_LANGUAGE.fullmatch(tag) for tag in metadata.get(name, []))


@pytest.mark.conformance("oidcc-discovery-endpoint-verification")
@variants(*CODE)
async def test_endpoint_urls_are_absolute_and_keys_are_public(system: Stack, metadata: dict[str, Any]) -> None:
    """URLs have the scheme of the issuer; https is tested in tests/unit/authorize_frontend."""
    addresses = [value for name, value in metadata.items() if name.endswith(("_endpoint", "_uri", "_iframe"))]
    assert {"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"} <= metadata.keys()
    for address in addresses:
        assert urlsplit(address).scheme == urlsplit(system.issuer).scheme
        assert not urlsplit(address).fragment
    assert {key["kty"] for key in await published_keys(system)} == {"RSA", "EC"}


@pytest.mark.conformance(
    "oidcc-rp-initiated-logout-discovery-endpoint-verification",
    "oidcc-session-management-discovery-endpoint-verification",
    "oidcc-frontchannel-logout-discovery-endpoint-verification",
    "oidcc-backchannel-logout-discovery-endpoint-verification",
)
@variants(*CODE)
async def test_discovery_contains_every_logout_method(metadata: dict[str, Any]) -> None:
    assert {"end_session_endpoint", "check_session_iframe"} <= metadata.keys()
    for channel in ("frontchannel", "backchannel"):
        assert metadata[f"{channel}_logout_supported"] is True
        assert metadata[f"{channel}_logout_session_supported"] is True
