"""The token hook: a program of the operator adds claims to access tokens or denies them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from joserfc import jws

from latchkey_sdk.hooks import Deny, Hook, TokenQuestion, answer
from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack, running_stack

pytestmark = pytest.mark.xdist_group("token-hook")
TIER = "https://example.com/tier"


def with_hook(without: str, folder: Any) -> Any:
    hook = {"LATCHKEY_TOKEN_HOOK": without, "LATCHKEY_TOKEN_HOOK_MILLISECONDS": "2000"}
    return running_stack(folder, environment=hook)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with with_hook("closed", tmp_path_factory.mktemp("closed")) as running:
        yield running


@pytest.fixture(scope="module")
def open_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with with_hook("open", tmp_path_factory.mktemp("open")) as running:
        yield running


@asynccontextmanager
async def worker(system: Stack, hook: Hook) -> AsyncIterator[None]:
    """Runs a hook worker as in the README of the SDK, with its NATS credentials."""
    answering = asyncio.create_task(answer(hook, servers=system.nats_url, creds=system.creds("hooks")))
    async with asyncio.timeout(20):  # until the worker responds
        while (await token_of(system)).get("error") == "temporarily_unavailable":
            assert not answering.done(), answering.exception()
    yield
    answering.cancel()
    with suppress(asyncio.CancelledError):
        await answering


async def token_of(system: Stack) -> dict[str, Any]:
    """The response to a client credentials request."""
    async with RelyingParty.of(system, "machine") as machine:
        answered = await machine.token_request(grant_type="client_credentials")
    return dict(answered.json())


def claims(token: str) -> dict[str, Any]:
    return dict(json.loads(jws.extract_compact(token.encode()).payload))


async def gold(question: TokenQuestion) -> dict[str, object]:
    return {TIER: f"gold for {question.user_id or question.client_id}"}


async def test_hook_adds_claims_to_tokens_of_users_and_clients(closed: Stack) -> None:
    async with (
        worker(closed, gold),
        Browser(closed.issuer) as browser,
        RelyingParty.of(closed, "web") as web,
        RelyingParty.of(closed, "machine") as machine,
    ):
        tokens = await web.sign_in(browser)
        own = await token_of(closed)
        access = claims(tokens["access_token"])
        assert access[TIER] == f"gold for {access['sub']}"
        assert claims(own["access_token"])[TIER] == f"gold for {machine.client_id}"
        assert TIER not in claims(tokens["id_token"])
        again = await web.token_request(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert claims(again.json()["access_token"])[TIER]
        assert (await web.userinfo(tokens["access_token"])).status_code == 200


async def test_token_denied_by_the_hook_is_not_issued_and_the_refresh_token_stays_valid(closed: Stack) -> None:
    denied: set[str] = set()

    async def hook(question: TokenQuestion) -> dict[str, object]:
        if question.user_id and question.grant_type in denied:
            raise Deny
        return {}

    async with worker(closed, hook), Browser(closed.issuer) as browser, RelyingParty.of(closed, "web") as web:
        tokens = await web.sign_in(browser)
        denied.add("refresh_token")
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        refused = await web.token_request(**form)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        denied.clear()
        assert (await web.token_request(**form)).status_code == 200


async def test_denied_token_of_the_authorization_endpoint_returns_access_denied(closed: Stack) -> None:
    asked: list[TokenQuestion] = []

    async def hook(question: TokenQuestion) -> dict[str, object]:
        asked.append(question)
        if question.grant_type == "implicit":
            raise Deny
        return {}

    metadata = {"response_types": ["id_token token"], "grant_types": ["implicit"]}
    async with (
        worker(closed, hook),
        Browser(closed.issuer) as browser,
        await RelyingParty.registered(closed, **metadata) as client,
    ):
        page = await browser.open(client.start(scope="openid", response_type="id_token token").url)
        page = await browser.sign_in()
        if page.name == "consent":
            page = await browser.submit("consent-allow")
    assert page.parameters["error"] == "access_denied"
    assert "access_token" not in page.parameters
    assert asked[-1].user_id


@pytest.mark.parametrize("odd", [{"sub": "another-user"}, {"scope": "admin"}, {TIER: "x" * 5000}])
async def test_invalid_hook_response_gets_temporarily_unavailable(closed: Stack, odd: dict[str, object]) -> None:
    good: list[bool] = []

    async def hook(_: TokenQuestion) -> dict[str, object]:
        return {} if not good else odd

    async with worker(closed, hook):
        good.append(True)
        assert (await token_of(closed))["error"] == "temporarily_unavailable"


async def test_no_token_is_issued_without_hook_response_when_failure_mode_is_closed(closed: Stack) -> None:
    assert (await token_of(closed))["error"] == "temporarily_unavailable"


async def test_token_is_issued_without_hook_response_when_failure_mode_is_open(open_: Stack) -> None:
    access = claims((await token_of(open_))["access_token"])
    assert not [name for name in access if name.startswith("https://")]


async def test_hook_calls_are_shared_between_workers(closed: Stack) -> None:
    asked = {"a": 0, "b": 0}

    def counting(name: str) -> Callable[[TokenQuestion], Any]:
        async def hook(_: TokenQuestion) -> dict[str, object]:
            asked[name] += 1
            return {}

        return hook

    async with worker(closed, counting("a")), worker(closed, counting("b")):
        before = sum(asked.values())
        for _ in range(40):
            assert "access_token" in await token_of(closed)
    assert sum(asked.values()) == before + 40
    assert min(asked.values()) > 0
