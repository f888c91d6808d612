"""The discovery document lists what clients may register, and clients may register what it lists."""

from pathlib import Path
from typing import Any

import pytest

from libs.crypto import secret_jwt
from libs.oauth.client_metadata import parse_metadata
from libs.oauth.registration import RegistrationPolicy
from libs.servicekit.base.settings import load
from services.authorize_frontend.app import site_of
from services.authorize_frontend.config import AuthorizeFrontendSettings
from services.authorize_frontend.http.metadata.discovery import metadata
from services.token.config import TokenSettings
from services.token.domain.authorization.authorization_request import PROMPTS
from tests.unit.token.parts import REDIRECT_URI, signing_key

ATTRIBUTES = """
[attributes.groups]
type = "texts"
writer = "operator"
scope = "groups"
label = "Groups"
"""
JWKS = {"keys": [signing_key("ES256").public_jwk()]}
CLIENT: dict[str, Any] = {"redirect_uris": [REDIRECT_URI]}


@pytest.fixture
def both(environment: pytest.MonkeyPatch, tmp_path: Path) -> tuple[dict[str, Any], RegistrationPolicy]:
    """The discovery document of authorize-frontend and the policy of token, from the same settings."""
    (tmp_path / "attributes.toml").write_text(ATTRIBUTES)
    environment.setenv("LATCHKEY_ATTRIBUTES_FILE", str(tmp_path / "attributes.toml"))
    environment.setenv("LATCHKEY_REGISTRATION", "open")
    environment.setenv("LATCHKEY_REGISTRATION_SCOPES", "notes:read")
    environment.setenv("LATCHKEY_TOKEN_TARGET", "127.0.0.1:0")
    document = metadata(site_of(load(AuthorizeFrontendSettings)))
    return document, load(TokenSettings).registration_policy


@pytest.mark.s(57)
def test_scopes_that_clients_may_register_are_the_scopes_of_discovery(
    both: tuple[dict[str, Any], RegistrationPolicy],
) -> None:
    document, policy = both
    assert document["scopes_supported"] == list(policy.scopes)
    assert {"groups", "notes:read"} <= set(policy.scopes)
    registered = policy.read({**CLIENT, "scope": " ".join(document["scopes_supported"])})
    assert list(registered.scopes) == document["scopes_supported"]


def test_discovery_does_not_list_registration_scopes_when_registration_is_closed(
    both: tuple[dict[str, Any], RegistrationPolicy], environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("LATCHKEY_REGISTRATION", "closed")
    document: dict[str, Any] = metadata(site_of(load(AuthorizeFrontendSettings)))
    assert "notes:read" not in document["scopes_supported"]


MEMBERS = {
    "acr_values_supported": "default_acr_values",
    "subject_types_supported": "subject_type",
    "id_token_signing_alg_values_supported": "id_token_signed_response_alg",
    "userinfo_signing_alg_values_supported": "userinfo_signed_response_alg",
    "introspection_signing_alg_values_supported": "introspection_signed_response_alg",
    "request_object_signing_alg_values_supported": "request_object_signing_alg",
    "token_endpoint_auth_methods_supported": "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg_values_supported": "token_endpoint_auth_signing_alg",
}


@pytest.mark.parametrize("listed", MEMBERS)
def test_clients_may_register_each_value_of_discovery(
    both: tuple[dict[str, Any], RegistrationPolicy], listed: str
) -> None:
    document, policy = both
    for value in document[listed]:
        client = {**CLIENT, **_fitting(listed, value), MEMBERS[listed]: [value] if "acr" in listed else value}
        assert policy.read(client).to_json()[MEMBERS[listed]] in ([value], value)


def _fitting(listed: str, value: str) -> dict[str, Any]:
    """Members that the value needs beside it."""
    if listed == "token_endpoint_auth_signing_alg_values_supported":
        method = "client_secret_jwt" if value == secret_jwt.ALG else "private_key_jwt"
        return {"token_endpoint_auth_method": method, "jwks": JWKS}
    return {"jwks": JWKS} if value == "private_key_jwt" else {}


def test_clients_may_register_each_response_type_and_grant_type_of_discovery(
    both: tuple[dict[str, Any], RegistrationPolicy],
) -> None:
    document, policy = both
    grants = ["authorization_code", "implicit"]
    registered = policy.read({**CLIENT, "grant_types": grants, "response_types": document["response_types_supported"]})
    assert list(registered.response_types) == document["response_types_supported"]
    # Grant types without the consent of a user are registered by operators only.
    every = parse_metadata(
        {**CLIENT, "grant_types": document["grant_types_supported"], "response_types": ["code", "id_token"]}
    )
    assert list(every.grant_types) == document["grant_types_supported"]


def test_discovery_lists_the_prompt_values_that_requests_may_have(
    both: tuple[dict[str, Any], RegistrationPolicy],
) -> None:
    assert set(both[0]["prompt_values_supported"]) == PROMPTS
