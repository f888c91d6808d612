"""The token verifier of a resource server while NATS is unavailable: status, refusal policy, and missed revocations."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from latchkey_sdk.verifier import AccessToken, TokenRefused, TokenVerifier, VerifierUnavailable
from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("chaos")


def a_verifier(system: Stack, **more: Any) -> TokenVerifier:
    return TokenVerifier(
        issuer=system.issuer, audience=system.issuer, servers=system.nats_url, creds=system.creds(), **more
    )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.01)


async def verdict(verifier: TokenVerifier, token: str) -> AccessToken | type[Exception]:
    try:
        return await verifier.verify(token)
    except (TokenRefused, VerifierUnavailable) as error:
        return type(error)


async def test_verifier_accepts_unchecked_tokens_without_nats_and_learns_of_revocations_afterwards(
    system: Stack, browser: Browser
) -> None:
    statuses: list[bool] = []
    async with (
        await RelyingParty.registered(system) as client,
        a_verifier(system, on_status=statuses.append) as verifier,
    ):
        tokens = await client.sign_in(browser)
        system.kill("nats")
        await until(lambda: not verifier.status.revocations_current)
        accepted = await verifier.verify(tokens["access_token"])
        assert not accepted.revocation_checked
        await client.oauth.revoke_token(f"{system.client_edge}/revoke", token=tokens["access_token"])
        system.start("nats")
        await until(lambda: statuses == [True, False, True])
        async with asyncio.timeout(20):
            while await verdict(verifier, tokens["access_token"]) is not TokenRefused:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_verifier_with_refuse_after_refuses_tokens_until_nats_is_back(system: Stack, browser: Browser) -> None:
    async with (
        await RelyingParty.registered(system) as client,
        a_verifier(system, refuse_after=timedelta(seconds=1)) as verifier,
    ):
        tokens = await client.sign_in(browser)
        system.kill("nats")
        await until(lambda: verifier.status.bus_away_seconds > 1)
        assert await verdict(verifier, tokens["access_token"]) is VerifierUnavailable
        system.start("nats")
        await until(lambda: verifier.status.revocations_current)
        assert isinstance(await verdict(verifier, tokens["access_token"]), AccessToken)


async def test_verifier_detects_a_hanging_nats_server(system: Stack) -> None:
    async with a_verifier(system) as verifier:
        system.pause("nats")
        await until(lambda: not verifier.status.revocations_current)
        system.resume("nats")
        await until(lambda: verifier.status.revocations_current)


async def test_verifier_starts_without_nats(system: Stack, browser: Browser) -> None:
    async with await RelyingParty.registered(system) as client:
        tokens = await client.sign_in(browser)
    system.kill("nats")
    async with a_verifier(system, start_timeout=0.5) as verifier:
        assert not (await verifier.verify(tokens["access_token"])).revocation_checked
        system.start("nats")
        await until(lambda: verifier.status.revocations_current)
