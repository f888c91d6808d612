"""The hybrid flow (OpenID Connect Core, 3.3)."""

from typing import Any

import httpx2
import pytest

from tests.flows.databases import on_postgresql
from tests.flows.relying_party import RelyingParty, Started, verified
from tests.flows.test_implicit import answered, fragment, half_hash
from tests.support.browser import Browser
from tests.support.stack import Stack

pytestmark = on_postgresql

RESPONSE_TYPES = ["code id_token", "code token", "code id_token token"]


async def _client(system: Stack, **metadata: Any) -> RelyingParty:
    return await RelyingParty.registered(
        system,
        grant_types=["authorization_code", "implicit", "refresh_token"],
        response_types=RESPONSE_TYPES,
        consent="skip",
        **metadata,
    )


def _asked(client: RelyingParty, response_type: str, **changes: str) -> Started:
    started = client.start(**changes)
    return Started(
        str(httpx2.URL(started.url).copy_set_param("response_type", response_type)),
        started.state,
        started.nonce,
        started.verifier,
    )


@pytest.mark.s(7, 15, 16)
@pytest.mark.parametrize("response_type", [*RESPONSE_TYPES, "token id_token code"])
@pytest.mark.parametrize("mode", ["fragment", "form_post"])
async def test_front_channel_tokens_and_tokens_of_the_code_match(
    system: Stack, browser: Browser, response_type: str, mode: str
) -> None:
    words = set(response_type.split())
    async with await _client(system) as client:
        started = _asked(client, response_type, response_mode=mode)
        page = await answered(browser, started)
        answer = page.form_with("form-post-submit").fields if mode == "form_post" else fragment(page)
        assert answer["state"] == started.state
        assert {"code", "id_token", "access_token"} & answer.keys() == {
            "code",
            *(["id_token"] if "id_token" in words else []),
            *(["access_token"] if "token" in words else []),
        }
        first: dict[str, Any] | None = None
        if "id_token" in words:
            first = await verified(system, answer["id_token"], audience=client.client_id, alg="RS256", typ="JWT")
            assert first["c_hash"] == half_hash(answer["code"])
            assert first["nonce"] == started.nonce
            assert ("at_hash" in first) == ("token" in words)
        if "token" in words:
            if first:
                assert first["at_hash"] == half_hash(answer["access_token"])
            assert (await client.userinfo(answer["access_token"])).status_code == 200

        bought = (
            await client.token_request(
                grant_type="authorization_code",
                code=answer["code"],
                redirect_uri=client.redirect_uri,
                code_verifier=started.verifier,
            )
        ).json()
        second = await verified(system, bought["id_token"], audience=client.client_id, alg="RS256", typ="JWT")
        assert second["nonce"] == started.nonce
        assert bought["refresh_token"]
        if first:
            assert (second["sub"], second["iss"], second["auth_time"]) == (
                first["sub"],
                first["iss"],
                first["auth_time"],
            )
        assert (await client.userinfo(bought["access_token"])).status_code == 200


@pytest.mark.s(14)
async def test_replayed_code_revokes_the_front_channel_token(system: Stack, browser: Browser) -> None:
    async with await _client(system) as client:
        started = _asked(client, "code token")
        answer = fragment(await answered(browser, started))
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": client.redirect_uri,
            "code_verifier": started.verifier,
        }
        assert (await client.token_request(**form)).status_code == 200
        assert (await client.token_request(**form)).status_code == 400
        assert (await client.userinfo(answer["access_token"])).status_code == 401


async def test_errors_are_returned_in_the_fragment(system: Stack, browser: Browser) -> None:
    async with await _client(system) as client:
        answer = fragment(await browser.open(_asked(client, "code id_token", prompt="none").url))
        assert answer["error"] == "login_required"
