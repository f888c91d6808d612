"""Authorization requests, on SQLite and on PostgreSQL: granted at once, stored until the user has interacted, or refused."""

import json
from contextlib import suppress
from typing import Any

import pytest

from libs.crypto.hashing import secret_hash
from libs.crypto.jwt import SigningKey
from libs.oauth.errors import OAuthError, TemporarilyUnavailable
from libs.oauth.response_types import ResponseMode
from services.token.domain.authorization.authorization_response import SendBack
from services.token.domain.authorization.interaction import Step
from tests.storage.token.world import BROWSER, World, asked, sent
from tests.support.databases import statements
from tests.unit.token.parts import (
    ALICE,
    BOB,
    ISSUER,
    LOOPBACK_URI,
    MINUTE,
    NOON,
    REDIRECT_URI,
    a_session,
    an_id_token,
    parameters_of,
)


@pytest.mark.s(13, 15, 16)
async def test_who_is_signed_in_and_need_not_be_asked_gets_a_code_at_once(world: World) -> None:
    client = await world.client()
    following = await world.ask(client, a_session())

    assert isinstance(following, SendBack)
    assert (following.redirect_uri, following.mode) == (REDIRECT_URI, ResponseMode.QUERY)
    answer = sent(following)
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("a state", ISSUER)
    assert len(answer["code"]) == 43
    [kept] = await world.rows("codes")
    assert kept["code_hash"] == secret_hash(answer["code"])
    assert kept["expires_at"] == NOON + MINUTE
    assert answer["code"] not in await world.all_kept()
    assert await world.rows("pending_requests") == []


async def test_a_grant_says_what_was_allowed_when_and_in_which_session(world: World) -> None:
    client = await world.client()
    await world.code(client, a_session(session_id="s-7"), scope="openid offline_access")
    [grant] = await world.rows("grants")
    assert (grant["client_id"], grant["user_id"], grant["session_id"]) == (client.client_id, ALICE, "s-7")
    assert (grant["scope"], grant["offline"]) == ("openid offline_access", True)
    assert (grant["authenticated_at"], grant["created_at"]) == (NOON - MINUTE, NOON)
    assert (grant["acr"], grant["amr"]) == ("urn:latchkey:acr:password", "pwd")
    assert grant["revoked_at"] is None


@pytest.mark.s(16)
@pytest.mark.parametrize("value", ["-._~", " a\tb\n", "ä→🗝", "%25+&=#<>\"'\\"])
async def test_authorize_keeps_state_and_nonce_unchanged_during_interaction(world: World, value: str) -> None:
    client = await world.client()
    request_id = asked(await world.ask(client, state=value, nonce=value), Step.SIGN_IN)
    answer = sent(await world.resume(request_id, browser_secret=BROWSER, session=a_session(at=NOON)))
    assert answer["state"] == value
    [code] = await world.rows("codes")
    assert code["nonce"] == value


@pytest.mark.s(39, 62)
async def test_request_that_needs_an_interaction_is_stored_under_a_secret_id(world: World) -> None:
    client = await world.client()
    request_id = asked(await world.ask(client), Step.SIGN_IN)
    assert len(request_id) == 43
    [kept] = await world.rows("pending_requests")
    assert kept["id_hash"] == secret_hash(request_id)
    assert kept["browser_hash"] == secret_hash(BROWSER)
    assert kept["expires_at"] == NOON + 10 * MINUTE
    assert request_id not in await world.all_kept()
    assert BROWSER not in await world.all_kept()
    assert await world.rows("grants") == []


async def test_deferred_request_is_stored_and_judged_when_it_is_resumed(world: World) -> None:
    client = await world.client()
    good = asked(await world.ask(client, a_session(), defer=True), None)
    bad = asked(await world.ask(client, a_session(), defer=True, scope="admin"), None)
    assert await world.rows("grants") == []
    assert "code" in sent(await world.resume(good, browser_secret=BROWSER, session=a_session()))
    refusal = sent(await world.resume(bad, browser_secret=BROWSER, session=a_session()))
    assert refusal["error"] == "invalid_scope"


@pytest.mark.s(4)
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"client_id": None}, "CLIENT_UNKNOWN"),
        ({"client_id": "c_unknown"}, "CLIENT_UNKNOWN"),
        ({"client_id": "x" * 100_000}, "CLIENT_UNKNOWN"),
        ({"redirect_uri": "https://evil.example/cb"}, "REDIRECT_URI_UNREGISTERED"),
        ({"redirect_uri": None}, "REDIRECT_URI_MISSING"),
        ({"redirect_uri": "https://evil.example/cb", "scope": "admin", "prompt": "x"}, "REDIRECT_URI_UNREGISTERED"),
    ],
)
async def test_without_a_known_place_to_answer_to_there_is_a_page(
    world: World, changes: dict[str, Any], reason: str
) -> None:
    client = await world.client()
    pairs = parameters_of(**{"client_id": client.client_id, **changes}).items()
    for defer in (False, True):
        with pytest.raises(OAuthError) as refusal:
            await world.authorize(list(pairs), browser_secret=BROWSER, session=a_session(), defer=defer)
        assert (refusal.value.error, refusal.value.reason) == ("invalid_request", reason)
        assert not refusal.value.redirectable
    assert await world.rows("pending_requests") == []


@pytest.mark.s(4, 61)
@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
async def test_a_repeated_address_gets_a_page(world: World, name: str) -> None:
    client = await world.client()
    whole = parameters_of(client_id=client.client_id)
    with pytest.raises(OAuthError) as refusal:
        await world.ask(client, a_session(), more=[(name, whole[name])])
    assert (refusal.value.reason, refusal.value.redirectable) == ("PARAMETER_REPEATED", False)


@pytest.mark.s(61)
@pytest.mark.parametrize("name", ["state", "scope", "response_type", "code_challenge", "prompt", "unknown"])
async def test_repeated_parameter_is_an_error_response_to_the_client(world: World, name: str) -> None:
    client = await world.client()
    following = await world.ask(client, a_session(), more=[(name, "x"), (name, "x")])
    assert sent(following)["error"] == "invalid_request"
    assert await world.rows("grants") == []


@pytest.mark.s(15, 16)
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
async def test_a_refusal_travels_as_the_answer_would_have(world: World, mode: str) -> None:
    client = await world.client()
    following = await world.ask(client, a_session(), scope="admin", response_mode=mode)
    assert isinstance(following, SendBack)
    assert (following.redirect_uri, following.mode) == (REDIRECT_URI, ResponseMode(mode))
    assert dict(following.parameters) == {
        "error": "invalid_scope",
        "error_description": "scope contains values that are not registered for this client: admin",
        "state": "a state",
        "iss": ISSUER,
    }
    assert await world.events("consent.granted", "code.redeemed") == []


async def test_a_redirect_uri_that_was_left_out_is_the_registered_one(world: World) -> None:
    client = await world.client()
    following = await world.ask(client, a_session(), redirect_uri=None, scope="notes")
    assert isinstance(following, SendBack)
    assert following.redirect_uri == REDIRECT_URI
    [code] = await world.rows("codes")
    assert (code["redirect_uri"], code["redirect_uri_given"]) == (REDIRECT_URI, False)


async def test_a_native_app_is_answered_on_the_port_that_it_chose(world: World) -> None:
    app = await world.client(token_endpoint_auth_method="none", redirect_uris=[LOOPBACK_URI], consent="required")
    uri = "http://127.0.0.1:49152/cb"
    request_id = asked(await world.ask(app, a_session(), redirect_uri=uri), Step.CONSENT)
    following = await world.resume(request_id, browser_secret=BROWSER, session=a_session(), allow=True)
    assert isinstance(following, SendBack)
    assert following.redirect_uri == uri


@pytest.mark.s(40)
@pytest.mark.parametrize(
    ("session", "changes", "error"),
    [
        (None, {}, "login_required"),
        (a_session(), {"max_age": "10"}, "login_required"),
        (a_session(BOB), {"id_token_hint": an_id_token()}, "login_required"),
        (a_session(), {}, "consent_required"),
    ],
)
async def test_prompt_none_stores_no_request(world: World, session: Any, changes: dict[str, Any], error: str) -> None:
    client = await world.client(consent="required")
    answer = sent(await world.ask(client, session, prompt="none", **changes))
    assert (answer["error"], answer["state"]) == (error, "a state")
    assert await world.rows("pending_requests") == []


@pytest.mark.s(28, 40)
@pytest.mark.parametrize(
    "hint",
    [
        "nonsense",
        an_id_token(iss="https://other.example"),
        an_id_token(SigningKey.generate("ES256")),
        an_id_token() + "x",
    ],
)
async def test_a_hint_that_is_not_ours_is_refused(world: World, hint: str) -> None:
    client = await world.client()
    for session in (None, a_session()):
        assert sent(await world.ask(client, session, id_token_hint=hint))["error"] == "invalid_request"
    assert await world.rows("grants") == []


@pytest.mark.s(40)
@pytest.mark.parametrize(
    "requested",
    [
        {"id_token_hint": an_id_token()},
        {"claims": json.dumps({"id_token": {"sub": {"value": ALICE}}})},
        {"id_token_hint": an_id_token(sub=BOB), "claims": json.dumps({"userinfo": {"sub": {"value": ALICE}}})},
        {"id_token_hint": an_id_token(), "claims": json.dumps({"userinfo": {"sub": {"value": BOB}}})},
    ],
)
async def test_sign_in_of_another_user_than_the_requested_one_gets_login_required(
    world: World, requested: dict[str, Any]
) -> None:
    """OpenID Connect Core 3.1.2.1: another sign-in page would only repeat the question."""
    client = await world.client()
    request_id = asked(await world.ask(client, None, **requested), Step.SIGN_IN)
    answer = sent(await world.back(request_id, a_session(BOB, at=NOON)))
    assert answer["error"] == "login_required"
    assert answer["state"] == "a state"
    assert "id_token_hint" in answer["error_description"]


@pytest.mark.s(40)
async def test_id_token_hint_does_not_sign_a_user_in(world: World) -> None:
    client = await world.client()
    hint = an_id_token(exp=int(NOON.timestamp()) - 1)
    asked(await world.ask(client, None, id_token_hint=hint), Step.SIGN_IN)
    asked(await world.ask(client, a_session(BOB), id_token_hint=hint), Step.SIGN_IN)
    assert "code" in sent(await world.ask(client, a_session(), id_token_hint=hint))


@pytest.mark.s(66)
async def test_without_any_view_of_the_keys_a_hint_is_not_called_wrong(world: World) -> None:
    client = await world.client()
    world.keys.unseen = True
    with suppress(TemporarilyUnavailable):
        answer = sent(await world.ask(client, a_session(), id_token_hint=an_id_token()))
        assert answer["error"] == "temporarily_unavailable"
    assert await world.rows("grants") == []


async def test_with_session_and_consent_it_costs_one_transaction_of_three_statements(world: World) -> None:
    client = await world.client()
    await world.code(client)
    with statements(world.database) as sent_sql:
        await world.code(client)
    assert len(sent_sql) == 3


async def test_authorize_with_interaction_needs_two_statements(world: World) -> None:
    client = await world.client()
    await world.code(client)
    with statements(world.database) as sent_sql:
        asked(await world.ask(client, a_session(), prompt="login"), Step.SIGN_IN)
    assert len(sent_sql) == 2
