"""How clients prove who they are, and what they may ask for."""

from typing import Any

import pytest

from libs.crypto.hashing import keyed_hash
from libs.crypto.random import new_client_id
from libs.oauth.client_authentication import BASIC, NONE, POST, Credentials
from libs.oauth.errors import InvalidClient, InvalidScope, OAuthError, UnauthorizedClient
from services.token.domain.clients.client import Client, ClientSecret, require_client
from services.token.domain.clients.client_secrets import NewSecret, make_secret
from tests.unit.token.parts import MINUTE, NOON, a_client, a_native_client

PEPPER = b"p" * 32
LATEST = ClientSecret(keyed_hash(PEPPER, "latest"))
FORMER = ClientSecret(keyed_hash(PEPPER, "former"), expires_at=NOON + MINUTE)


def _refusal(client: Client, method: str, secret: str = "", *, pepper: bytes = PEPPER, now: Any = NOON) -> str:
    """The reason of the refusal; empty when the client is who it says."""
    try:
        client.authenticate(Credentials(client.client_id, method, secret), peppers=[pepper], now=now)
    except InvalidClient as refusal:
        knows_secret = secret in {"latest", "former"} and method != client.metadata.token_endpoint_auth_method
        if refusal.description != InvalidClient.default_description and not knows_secret:
            return "SAYS_TOO_MUCH"
        return refusal.reason
    return ""


CONFIDENTIAL = a_client(secrets=(LATEST, FORMER), token_endpoint_auth_method="client_secret_basic")
EITHER = a_client(secrets=(LATEST,))
POSTS_ITS_SECRET = a_client(secrets=(LATEST,), token_endpoint_auth_method="client_secret_post")


@pytest.mark.s(18, 20)
@pytest.mark.parametrize(
    ("client", "method", "secret", "reason"),
    [
        (CONFIDENTIAL, BASIC, "latest", ""),
        (CONFIDENTIAL, BASIC, "former", ""),
        (CONFIDENTIAL, BASIC, "wrong", "CLIENT_SECRET_WRONG"),
        (CONFIDENTIAL, BASIC, "", "CLIENT_SECRET_WRONG"),
        (CONFIDENTIAL, BASIC, "Latest", "CLIENT_SECRET_WRONG"),
        (CONFIDENTIAL, POST, "latest", "CLIENT_AUTH_METHOD"),
        (CONFIDENTIAL, NONE, "", "CLIENT_AUTH_METHOD"),
        (POSTS_ITS_SECRET, POST, "latest", ""),
        (POSTS_ITS_SECRET, POST, "wrong", "CLIENT_SECRET_WRONG"),
        (POSTS_ITS_SECRET, BASIC, "latest", "CLIENT_AUTH_METHOD"),
        (POSTS_ITS_SECRET, NONE, "", "CLIENT_AUTH_METHOD"),
        (EITHER, BASIC, "latest", ""),
        (EITHER, POST, "latest", ""),
        (EITHER, POST, "wrong", "CLIENT_SECRET_WRONG"),
        (EITHER, NONE, "", "CLIENT_AUTH_METHOD"),
        (a_native_client(), NONE, "", ""),
        (a_native_client(), BASIC, "", "CLIENT_AUTH_METHOD"),
        (a_native_client(), POST, "anything", "CLIENT_AUTH_METHOD"),
        (a_client(secrets=()), BASIC, "", "CLIENT_SECRET_WRONG"),
    ],
)
def test_a_client_proves_itself_in_its_registered_way_only(
    client: Client, method: str, secret: str, reason: str
) -> None:
    assert _refusal(client, method, secret) == reason


@pytest.mark.s(18)
def test_a_former_secret_works_until_its_moment() -> None:
    assert _refusal(CONFIDENTIAL, BASIC, "former", now=NOON + MINUTE) == "CLIENT_SECRET_WRONG"
    assert _refusal(CONFIDENTIAL, BASIC, "latest", now=NOON + MINUTE) == ""


@pytest.mark.s(18)
def test_the_digests_are_of_no_use_without_the_pepper() -> None:
    assert _refusal(CONFIDENTIAL, BASIC, "latest", pepper=b"q" * 32) == "CLIENT_SECRET_WRONG"


@pytest.mark.s(60)
def test_secrets_and_their_digests_do_not_print() -> None:
    plain, secret = make_secret(PEPPER, "c_1", a_client().metadata)
    assert secret.digest == keyed_hash(PEPPER, plain)
    shown = repr(NewSecret(a_client(secrets=(secret,)), plain))
    assert plain not in shown
    assert repr(secret.digest) not in shown


@pytest.mark.s(18)
def test_every_secret_is_new_and_has_256_bits() -> None:
    made = {make_secret(PEPPER, "c_1", a_client().metadata)[0] for _ in range(50)}
    assert len(made) == 50
    assert {len(plain) for plain in made} == {43}


@pytest.mark.s(54, 71)
def test_client_id_is_generated_and_differs_from_user_ids() -> None:
    made = {new_client_id() for _ in range(50)}
    assert len(made) == 50
    assert all(client_id.startswith("c_") and len(client_id) == 28 for client_id in made)


def test_a_grant_type_that_is_not_registered_is_refused() -> None:
    a_client().require_grant("refresh_token")
    with pytest.raises(UnauthorizedClient):
        a_client(grant_types=["authorization_code"]).require_grant("refresh_token")


MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "response_types": [], "redirect_uris": []}


@pytest.mark.s(36)
@pytest.mark.parametrize(
    ("scope", "requested", "own"),
    [
        ("notes printers", (), ("notes", "printers")),
        ("notes printers", ("printers",), ("printers",)),
        ("notes profile email address phone offline_access", (), ("notes",)),
        (None, (), ()),
    ],
)
def test_client_credentials_scope_excludes_user_scopes(
    scope: str | None, requested: tuple[str, ...], own: tuple[str, ...]
) -> None:
    assert a_client(**MACHINE, scope=scope).own_scope(requested) == own


@pytest.mark.s(36)
@pytest.mark.parametrize("requested", ["admin", "openid", "profile", "email", "address", "phone", "offline_access"])
def test_a_client_may_not_ask_for_more_for_itself(requested: str) -> None:
    both = a_client(grant_types=["authorization_code", "client_credentials"], scope=None)
    with pytest.raises(InvalidScope) as refusal:
        both.own_scope((requested,))
    assert refusal.value.reason == "SCOPE_NOT_REGISTERED"


def test_there_is_one_answer_for_a_client_that_is_not_there() -> None:
    with pytest.raises(OAuthError) as refusal:
        require_client(None)
    assert refusal.value.reason == "CLIENT_UNKNOWN"


@pytest.mark.s(20)
def test_refusal_of_the_wrong_method_names_both_methods_only_to_who_knows_the_secret() -> None:
    def description(secret: str) -> str:
        with pytest.raises(InvalidClient) as refusal:
            CONFIDENTIAL.authenticate(Credentials("c_shop", POST, secret), peppers=[PEPPER], now=NOON)
        return refusal.value.description

    assert description("latest") == (
        "The client secret was sent by client_secret_post, but token_endpoint_auth_method client_secret_basic is "
        "registered for this client."
    )
    assert description("wrong") == InvalidClient.default_description
