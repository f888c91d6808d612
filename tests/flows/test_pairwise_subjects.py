"""Pairwise subjects (OpenID Connect Core, 8.1), with sector identifier documents served over TLS."""

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from deploy.provision.home import write_private
from deploy.provision.secret_files import secret_file
from libs.oauth.errors import InvalidClientMetadata
from tests.flows.logout_receiver import Receiver, receiving
from tests.flows.relying_party import RelyingParty, verified
from tests.flows.users import new_user
from tests.support.browser import Browser
from tests.support.stack import Stack, StackError, running_stack

pytestmark = [pytest.mark.s(67), pytest.mark.xdist_group("pairwise")]
ONE, TWO = "https://one.example/callback", "https://two.example/callback"
PAIRWISE: dict[str, Any] = {"subject_type": "pairwise", "consent": "skip"}
AFTERWARDS = "https://one.example/signed-out"


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiving(tmp_path_factory.mktemp("clients")) as running:
        running.documents["/sector.json"] = json.dumps([ONE, TWO]).encode()
        yield running


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Stack]:
    """A system that may send requests to the private addresses of the clients of these tests."""
    environment = {**receiver.environment, "LATCHKEY_REGISTRATION": "open"}
    with running_stack(tmp_path_factory.mktemp("stack"), environment=environment) as running:
        yield running


async def a_client(system: Stack, redirect_uri: str, **metadata: Any) -> RelyingParty:
    return await RelyingParty.registered(system, redirect_uris=[redirect_uri], **{**PAIRWISE, **metadata})


async def known_as(client: RelyingParty, token: dict[str, Any]) -> str:
    """The subject identifier, equal in all tokens and responses of the client."""
    system = client.system
    login = await verified(system, token["id_token"], audience=client.client_id, alg="RS256", typ="JWT")
    access = await verified(system, token["access_token"], audience=system.issuer, alg="ES256", typ="at+jwt")
    subjects = {login["sub"], access["sub"], (await client.userinfo(token["access_token"])).json()["sub"]}
    for name in ("access_token", "refresh_token"):
        answer = await client.oauth.introspect_token(f"{system.client_edge}/introspect", token=token[name])
        subjects.add(answer.json()["sub"])
    (subject,) = subjects
    return str(subject)


async def subject_at(client: RelyingParty, browser: Browser, username: str) -> str:
    return await known_as(client, await client.sign_in(browser, username=username))


async def test_pairwise_subject_is_equal_in_a_sector_and_differs_between_sectors(
    system: Stack, receiver: Receiver, browser: Browser
) -> None:
    username, user_id = await new_user(system)
    sector = {"sector_identifier_uri": receiver.uri("/sector.json")}
    async with (
        await a_client(system, ONE, **sector) as first,
        await a_client(system, TWO, **sector) as second,
        await a_client(system, ONE) as third,
        await a_client(system, TWO) as fourth,
        await a_client(system, ONE, subject_type="public") as public,
    ):
        shared = await subject_at(first, browser, username)
        assert await subject_at(second, browser, username) == shared
        others = [await subject_at(client, browser, username) for client in (third, fourth)]
        assert len({shared, *others, user_id}) == 4
        assert await subject_at(public, browser, username) == user_id

        system.restart("token")
        assert await subject_at(second, browser, username) == shared


@pytest.mark.s(43)
async def test_client_create_reports_an_invalid_sector_identifier_uri(system: Stack, receiver: Receiver) -> None:
    for redirect_uri, path in ((ONE, "/nothing.json"), ("https://three.example/callback", "/sector.json")):
        with pytest.raises(InvalidClientMetadata):
            await a_client(system, redirect_uri, sector_identifier_uri=receiver.uri(path))
    with pytest.raises(InvalidClientMetadata):
        await a_client(system, "http://127.0.0.1/callback")


async def registered(system: Stack, sector_identifier_uri: str) -> httpx2.Response:
    members = {"redirect_uris": [ONE], "subject_type": "pairwise", "sector_identifier_uri": sector_identifier_uri}
    async with httpx2.AsyncClient(timeout=20) as http:
        return await http.post(f"{system.client_edge}/register", json=members)


@pytest.mark.conformance("oidcc-registration-sector-uri")
async def test_dynamic_registration_accepts_a_valid_sector_identifier_uri(system: Stack, receiver: Receiver) -> None:
    answer = await registered(system, receiver.uri("/sector.json"))
    assert answer.status_code == 201
    assert (answer.json()["subject_type"], answer.json()["redirect_uris"]) == ("pairwise", [ONE])


@pytest.mark.conformance("oidcc-registration-sector-bad")
async def test_dynamic_registration_is_refused_when_the_sector_does_not_list_the_redirect_uri(
    system: Stack, receiver: Receiver
) -> None:
    receiver.documents["/others.json"] = json.dumps([TWO]).encode()
    answer = await registered(system, receiver.uri("/others.json"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


async def test_discovery_contains_pairwise_subject_type(system: Stack) -> None:
    async with httpx2.AsyncClient() as http:
        metadata = (await http.get(f"{system.issuer}/.well-known/openid-configuration")).json()
    assert metadata["subject_types_supported"] == ["public", "pairwise"]


@pytest.mark.s(28, 41, 42)
async def test_hints_and_logout_tokens_use_the_pairwise_subject(
    system: Stack, receiver: Receiver, browser: Browser
) -> None:
    username, user_id = await new_user(system)
    listens = {"post_logout_redirect_uris": [AFTERWARDS], "backchannel_logout_uri": receiver.uri("/logout")}
    async with await a_client(system, ONE, **listens) as client, await a_client(system, TWO) as other:
        token = await client.sign_in(browser, username=username)
        foreign = await other.sign_in(browser, username=username)
        page = await browser.open(client.start(prompt="none", id_token_hint=token["id_token"]).url)
        assert "code" in page.parameters
        page = await browser.open(client.start(prompt="none", id_token_hint=foreign["id_token"]).url)
        assert page.parameters["error"] == "login_required"

        login = await verified(system, token["id_token"], audience=client.client_id, alg="RS256", typ="JWT")
        query = urlencode({"id_token_hint": token["id_token"], "post_logout_redirect_uri": AFTERWARDS})
        assert (await browser.open(f"/logout?{query}")).url == AFTERWARDS
        received = await asyncio.to_thread(receiver.next, "/logout")
        claims = await verified(system, received.logout_token, audience=client.client_id, alg="RS256", typ="logout+jwt")
        assert (claims["sub"], claims["sid"]) == (login["sub"], login["sid"])
        assert user_id not in json.dumps([claims, login])


async def test_token_service_does_not_start_with_another_pairwise_salt(system: Stack, browser: Browser) -> None:
    """A new salt would change every pairwise subject, so the service refuses to start with it."""
    path = secret_file(system.layout.home, "pairwise-salt")
    async with await a_client(system, ONE) as client:
        username, _ = await new_user(system)
        before = await subject_at(client, browser, username)
        salt = path.read_text()
        system.terminate("token")
        write_private(path, base64.urlsafe_b64encode(os.urandom(32)).decode())
        with pytest.raises(StackError):
            system.start("token")
        assert "LATCHKEY_PAIRWISE_SALT_FILE" in system.log("token")
        write_private(path, salt)
        system.start("token")
        assert await subject_at(client, browser, username) == before
