"""Pushed authorization requests (RFC 9126): judged at once, opened by their own client, answered once."""

from datetime import timedelta
from typing import Any

import pytest

from libs.oauth.errors import InvalidClient, InvalidRequest, InvalidRequestUri, OAuthError
from libs.oauth.parameters import Parameters
from services.token.domain.authorization.interaction import Step
from services.token.domain.authorization.pushed_requests import LIFETIME, URI_PREFIX
from services.token.domain.sessions.session import AuthenticatedSession
from tests.storage.token.world import BROWSER, Registered, World, asked, at_once, sent
from tests.unit.token.parts import BOB, SECOND, a_session, parameters_of

pytestmark = pytest.mark.s(13, 39)


async def push(world: World, client: Registered, **changes: Any) -> str:
    form = parameters_of(client_id=client.client_id, **changes)
    answer = await world.push(client.credentials, Parameters(form))
    assert answer["expires_in"] == 90
    assert len(answer["request_uri"].removeprefix(URI_PREFIX)) == 43
    return str(answer["request_uri"])


async def open_it(
    world: World, client: Registered, uri: str, session: AuthenticatedSession | None = None, **outer: str
) -> Any:
    pairs = [("client_id", client.client_id), ("request_uri", uri), *outer.items()]
    return await world.authorize(pairs, browser_secret=BROWSER, session=session, defer=False)


async def refused(world: World, client: Registered, uri: str) -> str:
    with pytest.raises(InvalidRequestUri) as refusal:
        await open_it(world, client, uri, a_session())
    assert not refusal.value.redirectable
    return str(refusal.value.reason)


async def test_what_was_pushed_counts_and_what_the_browser_brings_beside_it_does_not(world: World) -> None:
    client = await world.client()
    uri = await push(world, client, state="inner")
    answer = sent(await open_it(world, client, uri, a_session(), state="outer", redirect_uri="https://evil.example/"))
    assert answer["state"] == "inner"
    tokens = await world.exchange(client, answer["code"])
    assert tokens["access_token"]


async def test_it_is_answered_once(world: World) -> None:
    client = await world.client()
    uri = await push(world, client)
    sent(await open_it(world, client, uri, a_session()))
    assert await refused(world, client, uri) == "PUSHED_REQUEST_COMPLETED"


async def test_it_may_be_opened_again_until_it_is_answered_and_then_in_no_window(world: World) -> None:
    """Conformance: par-ensure-reused-request-uri-prior-to-auth-completion-succeeds."""
    client = await world.client()
    uri = await push(world, client)
    first = asked(await open_it(world, client, uri), Step.SIGN_IN)
    second = asked(await open_it(world, client, uri), Step.SIGN_IN)
    assert sent(await world.back(second, a_session()))["code"]
    with pytest.raises(OAuthError) as refusal:
        await world.back(first, a_session())
    assert refusal.value.reason == "PUSHED_REQUEST_COMPLETED"


async def test_of_many_windows_one_gets_the_code(world: World) -> None:
    client = await world.client()
    uri = await push(world, client)
    answers, refusals = await at_once(*(open_it(world, client, uri, a_session()) for _ in range(6)))
    assert len([answer for answer in answers if "code" in sent(answer)]) == 1
    assert {error.reason for error in refusals if isinstance(error, OAuthError)} == {"PUSHED_REQUEST_COMPLETED"}
    assert len(await world.rows("codes")) == 1


async def test_a_no_ends_it_as_well(world: World) -> None:
    client = await world.client()
    uri = await push(world, client)
    request_id = asked(await open_it(world, client, uri), Step.SIGN_IN)
    assert sent(await world.deny(request_id, browser_secret=BROWSER, session=None))["error"] == "access_denied"
    assert await refused(world, client, uri) == "PUSHED_REQUEST_COMPLETED"


async def test_it_is_opened_by_its_client_and_in_time(world: World) -> None:
    client, other = await world.client(), await world.client()
    uri = await push(world, client)
    assert await refused(world, other, uri) == "PUSHED_REQUEST_OF_ANOTHER_CLIENT"
    assert await refused(world, client, uri + "x") == "PUSHED_REQUEST_UNKNOWN"
    assert await refused(world, client, URI_PREFIX) == "PUSHED_REQUEST_UNKNOWN"
    world.clock.move(LIFETIME - SECOND)
    assert asked(await open_it(world, client, uri), Step.SIGN_IN)
    world.clock.move(SECOND)
    assert await refused(world, client, uri) == "PUSHED_REQUEST_EXPIRED"


async def test_a_sign_in_that_began_in_time_may_take_its_time(world: World) -> None:
    client = await world.client()
    request_id = asked(await open_it(world, client, await push(world, client)), Step.SIGN_IN)
    world.clock.move(timedelta(minutes=9))
    await world.purge()
    assert sent(await world.back(request_id, a_session(at=world.clock.now())))["code"]


@pytest.mark.s(4, 6)
@pytest.mark.parametrize(
    ("changes", "error", "reason"),
    [
        ({"redirect_uri": "https://evil.example/"}, "invalid_request", "REDIRECT_URI_UNREGISTERED"),
        ({"redirect_uri": None}, "invalid_request", "REDIRECT_URI_MISSING"),
        ({"response_type": "token"}, "unauthorized_client", "RESPONSE_TYPE_FORBIDDEN"),
        ({"code_challenge": None, "code_challenge_method": None, "nonce": None}, "invalid_request", "PKCE_REQUIRED"),
        ({"code_challenge_method": "plain"}, "invalid_request", "PKCE_METHOD"),
        ({"scope": "openid admin"}, "invalid_scope", "SCOPE_NOT_REGISTERED"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request", "PUSHED_REQUEST_URI"),
    ],
)
async def test_what_is_wrong_is_said_when_it_is_pushed(
    world: World, changes: dict[str, Any], error: str, reason: str
) -> None:
    with pytest.raises(OAuthError) as refusal:
        await push(world, await world.client(), **changes)
    assert (refusal.value.error, refusal.value.reason) == (error, reason)
    assert await world.rows("pushed_requests") == []


async def test_only_the_client_itself_can_push(world: World) -> None:
    client = await world.client()
    unauthenticated = Registered(client.client_id, "wrong")
    with pytest.raises(InvalidClient):
        await push(world, unauthenticated)


async def test_a_client_that_must_push_is_refused_otherwise(world: World) -> None:
    client = await world.client(require_pushed_authorization_requests=True)
    assert sent(await world.ask(client, a_session()))["error"] == "invalid_request"
    assert sent(await open_it(world, client, await push(world, client), a_session()))["code"]


@pytest.mark.s(60)
async def test_no_secret_is_stored_with_it(world: World) -> None:
    client = await world.client(token_endpoint_auth_method="client_secret_post")
    form = parameters_of(client_id=client.client_id, client_secret=client.secret)
    from libs.oauth.client_authentication import read_credentials  # noqa: PLC0415

    answer = await world.push(read_credentials(None, Parameters(form)), Parameters(form))
    kept = await world.all_kept()
    assert client.secret not in kept
    assert answer["request_uri"].removeprefix(URI_PREFIX) not in kept


@pytest.mark.s(62)
async def test_unopened_pushed_request_is_purged_when_expired(world: World) -> None:
    await push(world, await world.client())
    await world.purge_everything()
    assert await world.rows("pushed_requests") == []


async def test_pushed_request_checks_the_user_as_an_unpushed_one_does(world: World) -> None:
    client = await world.client(consent="required")
    uri = await push(world, client, prompt="none")
    assert sent(await open_it(world, client, uri, a_session(BOB)))["error"] == "consent_required"
    with pytest.raises(InvalidRequest):
        await world.back("unknown", a_session())
