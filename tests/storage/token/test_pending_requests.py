"""What happens between the request and the code: nothing can be skipped, taken over or done twice."""

from typing import Any

import pytest

from libs.oauth.errors import InvalidRequest, OAuthError
from services.token.domain.authorization_response import Next
from services.token.domain.interaction import Step
from services.token.domain.sessions import AuthenticatedSession
from tests.storage.token.world import BROWSER, Registered, World, asked, at_once, sent
from tests.support.databases import statements
from tests.unit.token.parts import ALICE, BOB, ISSUER, MINUTE, NOON, SECOND, a_session

FRESH = a_session(at=NOON)


@pytest.fixture
async def client(world: World) -> Registered:
    """One that must ask."""
    return await world.client(consent="required")


async def _resumed(
    world: World,
    request_id: str,
    session: AuthenticatedSession | None,
    *,
    browser_secret: str = BROWSER,
    allow: bool = False,
) -> Next:
    return await world.resume(request_id, browser_secret=browser_secret, session=session, allow=allow)


async def _refused(world: World, request_id: str, *, browser_secret: str = BROWSER) -> set[str]:
    """Reasons that resume, allow, deny and describe give."""
    reasons = set()
    for attempt in (
        _resumed(world, request_id, FRESH, browser_secret=browser_secret),
        _resumed(world, request_id, FRESH, browser_secret=browser_secret, allow=True),
        world.deny(request_id, browser_secret=browser_secret, session=FRESH),
        world.describe(request_id, browser_secret=browser_secret),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            await attempt
        assert not refusal.value.redirectable
        assert "ended or was started elsewhere" in refusal.value.description
        reasons.add(refusal.value.reason)
    return reasons


async def test_sign_in_then_consent_then_the_code(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client), Step.SIGN_IN)
    assert asked(await world.resume(request_id, browser_secret=BROWSER, session=FRESH), Step.CONSENT) == request_id
    answer = sent(await world.resume(request_id, browser_secret=BROWSER, session=FRESH, allow=True))
    assert answer.keys() == {"code", "state", "iss"}
    [granted] = await world.events("consent.granted")
    assert (granted["subject"], granted["actortype"], granted["outcome"]) == (ALICE, "user", "success")
    assert granted["data"] == {"user_id": ALICE, "client_id": client.client_id, "scopes": ["openid", "notes"]}
    tokens = await world.exchange(client, answer["code"])
    assert tokens["scope"] == "openid notes"
    [redeemed] = await world.events("code.redeemed")
    assert redeemed["correlationid"] == granted["correlationid"]


@pytest.mark.s(39)
async def test_another_browser_can_do_nothing_with_it(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client), Step.SIGN_IN)
    for other in ("another browser's secret", ""):
        assert await _refused(world, request_id, browser_secret=other) == {"REQUEST_OF_ANOTHER_BROWSER"}
    asked(await world.resume(request_id, browser_secret=BROWSER, session=FRESH), Step.CONSENT)


@pytest.mark.s(39)
async def test_an_id_that_was_never_given_is_unknown(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client), Step.SIGN_IN)
    for guess in ("", "x" * 43, request_id[:-1], request_id + "x"):
        assert await _refused(world, guess) == {"REQUEST_UNKNOWN"}


async def test_it_lives_for_ten_minutes(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client), Step.SIGN_IN)
    world.clock.move(10 * MINUTE - SECOND)
    asked(await world.resume(request_id, browser_secret=BROWSER, session=FRESH), Step.CONSENT)
    world.clock.move(SECOND)
    assert await _refused(world, request_id) == {"REQUEST_EXPIRED"}
    assert await world.rows("grants") == []


@pytest.mark.s(55)
async def test_what_was_completed_cannot_be_completed_again(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, FRESH), Step.CONSENT)
    sent(await world.resume(request_id, browser_secret=BROWSER, session=FRESH, allow=True))
    assert await _refused(world, request_id) == {"REQUEST_COMPLETED"}
    assert len(await world.rows("codes")) == 1


@pytest.mark.s(55)
@pytest.mark.parametrize("allow", [True, False])
async def test_of_eight_that_come_back_at_once_one_gets_a_code(
    world: World, client: Registered, *, allow: bool
) -> None:
    if not allow:
        await _resumed(world, asked(await world.ask(client, FRESH), Step.CONSENT), FRESH, allow=True)
    request_id = asked(await world.ask(client, a_session(), prompt="login"), Step.SIGN_IN)
    before = len(await world.rows("codes"))

    answers, refusals = await at_once(*(_resumed(world, request_id, FRESH, allow=allow) for _ in range(8)))

    assert [len(sent(answer)["code"]) for answer in answers] == [43]
    assert {error.reason for error in refusals if isinstance(error, OAuthError)} == {"REQUEST_COMPLETED"}
    assert len(refusals) == 7
    assert len(await world.rows("codes")) == len(await world.rows("grants")) == before + 1
    assert len(await world.events("consent.granted")) == 1


@pytest.mark.s(56)
async def test_consent_to_two_requests_at_the_same_time_counts_for_both(world: World, client: Registered) -> None:
    """Two tabs, both the first of their kind."""
    scopes = ("openid", "openid notes", "openid email", "openid profile")
    requests = [asked(await world.ask(client, FRESH, scope=scope), Step.CONSENT) for scope in scopes]
    answers, refusals = await at_once(*(_resumed(world, request, FRESH, allow=True) for request in requests))
    assert refusals == []
    assert all("code" in sent(answer) for answer in answers)
    [consent] = await world.rows("consents")
    assert consent["scope"] == "email notes openid profile"


@pytest.mark.s(55)
async def test_allowing_before_signing_in_changes_nothing(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client), Step.SIGN_IN)
    asked(await _resumed(world, request_id, None, allow=True), Step.SIGN_IN)
    [pending] = await world.rows("pending_requests")
    assert pending["consented_by"] is None
    assert await world.rows("consents") == []
    asked(await _resumed(world, request_id, FRESH), Step.CONSENT)
    assert await world.events("consent.granted") == []


@pytest.mark.s(40, 55)
@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "10"}])
async def test_allowing_before_signing_in_again_records_nothing(
    world: World, client: Registered, changes: dict[str, Any]
) -> None:
    request_id = asked(await world.ask(client, a_session(), **changes), Step.SIGN_IN)
    for allow in (True, False):
        asked(await _resumed(world, request_id, a_session(), allow=allow), Step.SIGN_IN)
    assert await world.rows("consents") == []
    assert await world.events("consent.granted") == []
    asked(await _resumed(world, request_id, FRESH), Step.CONSENT)


@pytest.mark.s(56)
async def test_the_consent_of_another_person_does_not_count(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, FRESH, prompt="login consent"), Step.CONSENT)
    async with world.work() as work:  # Bob said yes on this page, and then Alice signed in at this browser
        [pending] = await world.rows("pending_requests")
        await work.pending_requests.record_consent(pending["id_hash"], user_id=BOB)
    asked(await _resumed(world, request_id, FRESH), Step.CONSENT)
    assert "code" in sent(await _resumed(world, request_id, a_session(BOB, at=NOON)))


@pytest.mark.s(56)
async def test_consent_is_remembered_for_this_person_this_client_and_these_scopes(
    world: World, client: Registered
) -> None:
    other = await world.client(consent="required")
    request_id = asked(await world.ask(client, FRESH), Step.CONSENT)
    await _resumed(world, request_id, FRESH, allow=True)

    assert "code" in sent(await world.ask(client, FRESH))
    assert "code" in sent(await world.ask(client, FRESH, scope="openid"))
    asked(await world.ask(client, FRESH, scope="openid notes email"), Step.CONSENT)
    asked(await world.ask(client, FRESH, prompt="consent"), Step.CONSENT)
    asked(await world.ask(client, a_session(BOB)), Step.CONSENT)
    asked(await world.ask(other, FRESH), Step.CONSENT)


@pytest.mark.s(56)
async def test_more_consent_is_added_to_what_was_given(world: World, client: Registered) -> None:
    for scope in ("openid notes", "openid email"):
        await _resumed(world, asked(await world.ask(client, FRESH, scope=scope), Step.CONSENT), FRESH, allow=True)
    assert "code" in sent(await world.ask(client, FRESH, scope="openid notes email"))


@pytest.mark.s(56)
async def test_a_client_that_could_be_posed_as_is_asked_about_every_time(world: World) -> None:
    app = await world.client(token_endpoint_auth_method="none", redirect_uris=["com.example.app:/cb"])
    for _ in range(2):
        request_id = asked(await world.ask(app, FRESH, redirect_uri="com.example.app:/cb"), Step.CONSENT)
        assert "code" in sent(await _resumed(world, request_id, FRESH, allow=True))
    answer = sent(await world.ask(app, FRESH, redirect_uri="com.example.app:/cb", prompt="none"))
    assert answer["error"] == "consent_required"


async def test_saying_no_ends_the_request_and_tells_the_client(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, FRESH), Step.CONSENT)
    answer = sent(await world.deny(request_id, browser_secret=BROWSER, session=FRESH))
    assert answer == {
        "error": "access_denied",
        "error_description": "The request was denied.",
        "state": "a state",
        "iss": ISSUER,
    }
    assert await _refused(world, request_id) == {"REQUEST_COMPLETED"}
    assert await world.rows("consents") == await world.rows("grants") == []
    [denied] = await world.events("consent.denied")
    assert (denied["subject"], denied["outcome"]) == (ALICE, "failure")
    assert denied["data"] == {"user_id": ALICE, "client_id": client.client_id, "scopes": ["openid", "notes"]}


async def test_giving_up_before_signing_in_is_nobodys_decision(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client), Step.SIGN_IN)
    answer = sent(await world.deny(request_id, browser_secret=BROWSER, session=None))
    assert answer["error"] == "access_denied"
    assert await world.events("consent.denied") == []


async def test_of_eight_that_say_no_at_once_one_is_heard(world: World, client: Registered) -> None:
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


@pytest.mark.s(55)
async def test_everything_is_judged_again_when_the_person_comes_back(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, FRESH), Step.CONSENT)
    await world.update_client(client.client_id, {"scope": "openid"})
    answer = sent(await _resumed(world, request_id, FRESH, allow=True))
    assert answer["error"] == "invalid_scope"
    assert await world.rows("consents") == await world.rows("grants") == []
    assert await _refused(world, request_id) == {"REQUEST_COMPLETED"}


@pytest.mark.s(4, 55)
async def test_a_redirect_uri_that_was_withdrawn_meanwhile_is_not_used(world: World, client: Registered) -> None:
    request_id = asked(await world.ask(client, FRESH), Step.CONSENT)
    await world.update_client(client.client_id, {"redirect_uris": ["https://client.example/new"]})
    for attempt in (
        _resumed(world, request_id, FRESH, allow=True),
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
        _resumed(world, request_id, FRESH, allow=True),
        world.deny(request_id, browser_secret=BROWSER, session=FRESH),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            await attempt
        assert (refusal.value.reason, refusal.value.redirectable) == ("CLIENT_UNKNOWN", False)
    assert await world.rows("grants") == []


async def test_more_people_come_back_at_once_than_there_are_connections(world: World, client: Registered) -> None:
    """A cold cache must not make each of them hold one connection and wait for a second."""
    requests = [asked(await world.ask(client, prompt="consent", nonce=str(n)), Step.SIGN_IN) for n in range(40)]
    world.clients.forget()
    answers, refusals = await at_once(*(_resumed(world, request, FRESH) for request in requests))
    assert refusals == []
    assert len(answers) == 40


async def test_a_page_is_told_what_it_has_to_say(world: World, client: Registered) -> None:
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
        sent(await _resumed(world, request_id, FRESH, allow=True))
    # request, client, consent (before and after), yes on the request, consent, completed, grant, code, and two of the outbox
    assert len(sent_sql) == 11


@pytest.mark.s(40)
async def test_a_sign_in_for_one_request_is_none_for_a_later_one(world: World, client: Registered) -> None:
    first = asked(await world.ask(client, a_session(), prompt="login"), Step.SIGN_IN)
    asked(await _resumed(world, first, FRESH), Step.CONSENT)
    world.clock.move(5 * SECOND)
    second = asked(await world.ask(client, FRESH, prompt="login"), Step.SIGN_IN)
    asked(await _resumed(world, second, FRESH), Step.SIGN_IN)
    asked(await _resumed(world, second, a_session(at=NOON + 5 * SECOND)), Step.CONSENT)
