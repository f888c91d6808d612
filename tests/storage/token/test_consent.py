"""Consent and its denial: the user, the scopes and resources that it covers, and how long it is valid."""

from typing import Any

import pytest

from libs.oauth.errors import InvalidRequest
from services.token.domain.authorization.interaction import Step
from tests.storage.token.world import BROWSER, Registered, World, asked, at_once, sent
from tests.unit.token.parts import ALICE, BOB, ISSUER, NOON, a_session

FRESH = a_session(at=NOON)


@pytest.fixture
async def client(world: World) -> Registered:
    """One that must ask."""
    return await world.client(consent="required")


async def test_sign_in_then_consent_then_the_code(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client), Step.SIGN_IN)
    assert asked(await world.back(request_id, FRESH), Step.CONSENT) == request_id
    answer = sent(await world.back(request_id, FRESH, allow=True))
    assert answer.keys() == {"code", "state", "iss"}
    [granted] = await world.events("consent.granted")
    assert (granted["subject"], granted["actortype"], granted["outcome"]) == (ALICE, "user", "success")
    assert granted["data"] == {"user_id": ALICE, "client_id": client.client_id, "scopes": ["openid", "notes"]}
    tokens = await world.exchange(client, answer["code"])
    assert tokens["scope"] == "openid notes"
    [redeemed] = await world.events("code.redeemed")
    assert redeemed["correlationid"] == granted["correlationid"]


@pytest.mark.s(56)
async def test_consent_to_two_requests_at_the_same_time_counts_for_both(world: World, client: Registered) -> None:
    """Two tabs, both the first of their kind."""
    scopes = ("openid", "openid notes", "openid email", "openid profile")
    requests = [asked(await world.ask(client, FRESH, scope=scope), Step.CONSENT) for scope in scopes]
    answers, refusals = await at_once(*(world.back(request, FRESH, allow=True) for request in requests))
    assert refusals == []
    assert all("code" in sent(answer) for answer in answers)
    [consent] = await world.rows("consents")
    assert consent["scope"] == "email notes openid profile"


@pytest.mark.s(55)
async def test_allowing_before_signing_in_changes_nothing(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client), Step.SIGN_IN)
    asked(await world.back(request_id, None, allow=True), Step.SIGN_IN)
    [pending] = await world.rows("pending_requests")
    assert pending["consented_by"] is None
    assert await world.rows("consents") == []
    asked(await world.back(request_id, FRESH), Step.CONSENT)
    assert await world.events("consent.granted") == []


@pytest.mark.s(40, 55)
@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "10"}])
async def test_allowing_before_signing_in_again_records_nothing(
    world: World, client: Registered, changes: dict[str, Any]
) -> None:
    request_id = asked(await world.ask(client, a_session(), **changes), Step.SIGN_IN)
    for allow in (True, False):
        asked(await world.back(request_id, a_session(), allow=allow), Step.SIGN_IN)
    assert await world.rows("consents") == []
    assert await world.events("consent.granted") == []
    asked(await world.back(request_id, FRESH), Step.CONSENT)


@pytest.mark.s(56)
async def test_consent_of_another_user_does_not_count(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, FRESH, prompt="login consent"), Step.CONSENT)
    async with world.work() as work:  # Bob said yes on this page, and then Alice signed in at this browser
        [pending] = await world.rows("pending_requests")
        await work.pending_requests.record_consent(pending["id_hash"], user_id=BOB)
    asked(await world.back(request_id, FRESH), Step.CONSENT)
    assert "code" in sent(await world.back(request_id, a_session(BOB, at=NOON)))


@pytest.mark.s(56)
async def test_consent_is_remembered_for_user_client_and_scopes(world: World, client: Registered) -> None:
    other = await world.client(consent="required")
    request_id = asked(await world.ask(client, FRESH), Step.CONSENT)
    await world.back(request_id, FRESH, allow=True)

    assert "code" in sent(await world.ask(client, FRESH))
    assert "code" in sent(await world.ask(client, FRESH, scope="openid"))
    asked(await world.ask(client, FRESH, scope="openid notes email"), Step.CONSENT)
    asked(await world.ask(client, FRESH, prompt="consent"), Step.CONSENT)
    asked(await world.ask(client, a_session(BOB)), Step.CONSENT)
    asked(await world.ask(other, FRESH), Step.CONSENT)


@pytest.mark.s(56)
async def test_more_consent_is_added_to_what_was_given(world: World, client: Registered) -> None:
    for scope in ("openid notes", "openid email"):
        await world.back(asked(await world.ask(client, FRESH, scope=scope), Step.CONSENT), FRESH, allow=True)
    assert "code" in sent(await world.ask(client, FRESH, scope="openid notes email"))


@pytest.mark.s(56)
async def test_a_client_that_could_be_posed_as_is_asked_about_every_time(world: World) -> None:
    app = await world.client(
        token_endpoint_auth_method="none", redirect_uris=["com.example.app:/cb"], consent="required"
    )
    for _ in range(2):
        request_id = asked(await world.ask(app, FRESH, redirect_uri="com.example.app:/cb"), Step.CONSENT)
        assert "code" in sent(await world.back(request_id, FRESH, allow=True))
    answer = sent(await world.ask(app, FRESH, redirect_uri="com.example.app:/cb", prompt="none"))
    assert answer["error"] == "consent_required"


async def test_saying_no_ends_the_request_and_tells_the_client(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, FRESH), Step.CONSENT)
    answer = sent(await world.deny(request_id, browser_secret=BROWSER, session=FRESH))
    assert answer == {
        "error": "access_denied",
        "error_description": "The end-user or the authorization server denied the request.",
        "state": "a state",
        "iss": ISSUER,
    }
    with pytest.raises(InvalidRequest) as refusal:
        await world.back(request_id, FRESH, allow=True)
    assert refusal.value.reason == "REQUEST_COMPLETED"
    assert await world.rows("consents") == await world.rows("grants") == []
    [denied] = await world.events("consent.denied")
    assert (denied["subject"], denied["outcome"]) == (ALICE, "failure")
    assert denied["data"] == {"user_id": ALICE, "client_id": client.client_id, "scopes": ["openid", "notes"]}


async def test_giving_up_before_signing_in_is_nobodys_decision(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client), Step.SIGN_IN)
    answer = sent(await world.deny(request_id, browser_secret=BROWSER, session=None))
    assert answer["error"] == "access_denied"
    assert await world.events("consent.denied") == []


async def test_one_of_eight_concurrent_denials_succeeds(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, FRESH), Step.CONSENT)
    answers, refusals = await at_once(
        *(world.deny(request_id, browser_secret=BROWSER, session=FRESH) for _ in range(8))
    )
    assert (len(answers), len(refusals)) == (1, 7)
    assert len(await world.events("consent.denied")) == 1


async def test_no_can_be_said_to_what_could_not_be_granted_anyway(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, FRESH, defer=True, scope="admin"), None)
    answer = sent(await world.deny(request_id, browser_secret=BROWSER, session=FRESH))
    assert answer["error"] == "access_denied"
    [denied] = await world.events("consent.denied")
    assert "scopes" not in denied["data"]
