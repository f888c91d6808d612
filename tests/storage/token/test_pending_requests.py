"""What happens between the request and the code: nothing can be skipped, taken over or done twice."""

import pytest

from libs.oauth.errors import InvalidRequest, OAuthError
from services.token.domain.authorization.interaction import Step
from tests.storage.token.world import BROWSER, Registered, World, asked, at_once, sent
from tests.support.databases import statements
from tests.unit.token.parts import MINUTE, NOON, SECOND, a_session

FRESH = a_session(at=NOON)


@pytest.fixture
async def client(world: World) -> Registered:
    """One that must ask."""
    return await world.client(consent="required")


async def _refused(world: World, request_id: str, *, browser_secret: str = BROWSER) -> set[str]:
    """Reasons that resume, allow, deny and describe give."""
    reasons = set()
    for attempt in (
        world.back(request_id, FRESH, browser_secret=browser_secret),
        world.back(request_id, FRESH, browser_secret=browser_secret, allow=True),
        world.deny(request_id, browser_secret=browser_secret, session=FRESH),
        world.describe(request_id, browser_secret=browser_secret),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            await attempt
        assert not refusal.value.redirectable
        assert "has expired or was started in another browser" in refusal.value.description
        reasons.add(str(refusal.value.reason))
    return reasons


@pytest.mark.s(39)
async def test_another_browser_can_do_nothing_with_it(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client), Step.SIGN_IN)
    for other in ("another browser's secret", ""):
        assert await _refused(world, request_id, browser_secret=other) == {"REQUEST_OF_ANOTHER_BROWSER"}
    asked(await world.back(request_id, FRESH), Step.CONSENT)


@pytest.mark.s(39)
async def test_an_id_that_was_never_given_is_unknown(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client), Step.SIGN_IN)
    for guess in ("", "x" * 43, request_id[:-1], request_id + "x"):
        assert await _refused(world, guess) == {"REQUEST_UNKNOWN"}


async def test_it_lives_for_ten_minutes(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client), Step.SIGN_IN)
    world.clock.move(10 * MINUTE - SECOND)
    asked(await world.back(request_id, FRESH), Step.CONSENT)
    world.clock.move(SECOND)
    assert await _refused(world, request_id) == {"REQUEST_EXPIRED"}
    assert await world.rows("grants") == []


@pytest.mark.s(55)
async def test_what_was_completed_cannot_be_completed_again(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, FRESH), Step.CONSENT)
    sent(await world.back(request_id, FRESH, allow=True))
    assert await _refused(world, request_id) == {"REQUEST_COMPLETED"}
    assert len(await world.rows("codes")) == 1


@pytest.mark.s(55)
@pytest.mark.parametrize("allow", [True, False])
async def test_of_eight_that_come_back_at_once_one_gets_a_code(
    world: World, client: Registered, *, allow: bool
) -> None:
    if not allow:
        await world.back(asked(await world.ask(client, FRESH), Step.CONSENT), FRESH, allow=True)
    request_id = asked(await world.ask(client, a_session(), prompt="login"), Step.SIGN_IN)
    before = len(await world.rows("codes"))

    answers, refusals = await at_once(*(world.back(request_id, FRESH, allow=allow) for _ in range(8)))

    assert [len(sent(answer)["code"]) for answer in answers] == [43]
    assert {error.reason for error in refusals if isinstance(error, OAuthError)} == {"REQUEST_COMPLETED"}
    assert len(refusals) == 7
    assert len(await world.rows("codes")) == len(await world.rows("grants")) == before + 1
    assert len(await world.events("consent.granted")) == 1


@pytest.mark.s(55)
async def test_resumed_request_is_validated_again(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, FRESH), Step.CONSENT)
    await world.update_client(client.client_id, {"scope": "openid"})
    answer = sent(await world.back(request_id, FRESH, allow=True))
    assert answer["error"] == "invalid_scope"
    assert await world.rows("consents") == await world.rows("grants") == []
    assert await _refused(world, request_id) == {"REQUEST_COMPLETED"}


@pytest.mark.s(4, 55)
async def test_a_redirect_uri_that_was_withdrawn_meanwhile_is_not_used(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, FRESH), Step.CONSENT)
    await world.update_client(client.client_id, {"redirect_uris": ["https://client.example/new"]})
    for attempt in (
        world.back(request_id, FRESH, allow=True),
        world.deny(request_id, browser_secret=BROWSER, session=FRESH),
        world.describe(request_id, browser_secret=BROWSER),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            await attempt
        assert (refusal.value.reason, refusal.value.redirectable) == ("REDIRECT_URI_UNREGISTERED", False)


@pytest.mark.s(4)
async def test_a_client_that_was_deleted_meanwhile_gets_nothing(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, FRESH), Step.CONSENT)
    async with world.work() as work:  # another replica did it: the cache here does not know yet
        await work.clients.remove(client.client_id)
    for attempt in (
        world.back(request_id, FRESH, allow=True),
        world.deny(request_id, browser_secret=BROWSER, session=FRESH),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            await attempt
        assert (refusal.value.reason, refusal.value.redirectable) == ("CLIENT_UNKNOWN", False)
    assert await world.rows("grants") == []


async def test_resume_succeeds_with_more_concurrent_requests_than_connections(world: World, client: Registered) -> None:
    """A cold cache must not make each of them hold one connection and wait for a second."""
    requests = [asked(await world.ask(client, prompt="consent", nonce=str(n)), Step.SIGN_IN) for n in range(40)]
    world.clients.forget()
    answers, refusals = await at_once(*(world.back(request, FRESH) for request in requests))
    assert refusals == []
    assert len(answers) == 40


async def test_get_interaction_returns_the_data_of_the_page(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, login_hint="alice", ui_locales="se en"), Step.SIGN_IN)
    await world.describe(request_id, browser_secret=BROWSER)
    with statements(world.database) as sent_sql:
        page = await world.describe(request_id, browser_secret=BROWSER)
    assert (page.client.client_id, page.client.metadata.client_name) == (client.client_id, "Shop")
    assert page.scopes == ("openid", "notes")
    assert (page.login_hint, page.ui_locales) == ("alice", ("se", "en"))
    assert page.redirect_origin == "https://client.example"
    [pending] = await world.rows("pending_requests")
    assert page.correlation_id == pending["correlation_id"]
    assert len(sent_sql) == 1


async def test_the_last_step_costs_one_transaction(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, FRESH), Step.CONSENT)
    with statements(world.database) as sent_sql:
        sent(await world.back(request_id, FRESH, allow=True))
    # request, client, consent (before and after), yes on the request, consent, completed, grant, code, and two of the outbox
    assert len(sent_sql) == 11


@pytest.mark.s(40)
async def test_a_sign_in_for_one_request_is_none_for_a_later_one(world: World, client: Registered) -> None:
    first = asked(await world.ask(client, a_session(), prompt="login"), Step.SIGN_IN)
    asked(await world.back(first, FRESH), Step.CONSENT)
    world.clock.move(5 * SECOND)
    second = asked(await world.ask(client, FRESH, prompt="login"), Step.SIGN_IN)
    asked(await world.back(second, FRESH), Step.SIGN_IN)
    asked(await world.back(second, a_session(at=NOON + 5 * SECOND)), Step.CONSENT)
