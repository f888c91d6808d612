"""Pairwise subjects (OpenID Connect Core 8.1): in each response that contains a subject, and at registration."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from libs.oauth.errors import InvalidClientMetadata, InvalidRequest, ServerError, TemporarilyUnavailable
from libs.oauth.parameters import Parameters
from libs.servicekit.base.settings import ConfigurationError
from services.token.adapters.pairwise_salt import PairwiseSaltCheck
from services.token.adapters.sector_documents import RemoteSectorDocuments
from services.token.domain.authorization.interaction import Step
from services.token.domain.tokens.subjects import Subjects
from services.token.usecases.clients import manage_registration
from services.token.usecases.clients.check_sector import CheckSector
from services.token.usecases.clients.create_client import CreateClient
from tests.storage.token.test_back_channel_logout import Outside, Replica
from tests.storage.token.world import PEPPER, Registered, World, asked, sent
from tests.unit.token.parts import ALICE, BOB, NOON, REDIRECT_URI, WEB, a_session, read_token

pytestmark = pytest.mark.s(67)
ONE, TWO = "https://one.example/sector.json", "https://two.example/sector.json"
OTHER_URI = "https://other.example/cb"
FRESH = a_session(at=NOON)


async def a_pairwise_client(world: World, uri: str = ONE, **members: Any) -> Registered:
    world.outside.documents[uri] = json.dumps([REDIRECT_URI, OTHER_URI]).encode()
    return await world.client(subject_type="pairwise", sector_identifier_uri=uri, **members)


def said(token: str, alg: str = "RS256") -> dict[str, Any]:
    return dict(read_token(token, alg).claims)


async def test_pairwise_subject_is_the_same_in_every_token_and_response(world: World) -> None:
    client = await a_pairwise_client(
        world,
        grant_types=["authorization_code", "refresh_token", "implicit"],
        response_types=["code", "code id_token token"],
    )
    subject = world.subjects.sub((await world.get_client(client.client_id)), ALICE)
    assert subject != ALICE

    front = sent(await world.ask(client, a_session(), response_type="code id_token token"))
    tokens = await world.exchange(client, front["code"])
    refreshed = await world.refresh(client, tokens["refresh_token"])
    for answer in (front, tokens, refreshed):
        assert said(answer["id_token"])["sub"] == subject
        assert said(answer["access_token"], "ES256")["sub"] == subject
        assert (await world.get_userinfo(answer["access_token"]))["sub"] == subject
        for claims in (said(answer["id_token"]), said(answer["access_token"], "ES256")):
            assert {ALICE, a_session().session_id}.isdisjoint(map(str, claims.values()))
    for token in (refreshed["access_token"], refreshed["refresh_token"]):
        seen: Any = await world.introspect_token(client.credentials, Parameters({"token": token}))
        assert (seen["active"], seen["sub"]) == (True, subject)
    api = await world.machine(introspection="all")
    seen = await world.introspect_token(api.credentials, Parameters({"token": refreshed["access_token"]}))
    assert seen["sub"] == subject


async def test_two_clients_of_a_sector_agree_and_two_sectors_do_not(world: World) -> None:
    clients = [await a_pairwise_client(world), await a_pairwise_client(world), await a_pairwise_client(world, TWO)]
    claims = '{"id_token": {"sid": null}}'
    first, second, other = [said((await world.tokens(client, claims=claims))["id_token"]) for client in clients]
    assert first["sub"] == second["sub"] != other["sub"]
    assert first["sid"] == second["sid"] != other["sid"]
    bob = said((await world.tokens(clients[0], session=a_session(BOB)))["id_token"])
    assert bob["sub"] != first["sub"]


async def test_userinfo_that_is_signed_says_it_as_well(world: World) -> None:
    client = await a_pairwise_client(world, userinfo_signed_response_alg="RS256")
    tokens = await world.tokens(client)
    signed = (await world.userinfo(tokens["access_token"])).signed
    assert said(signed)["sub"] == said(tokens["id_token"])["sub"]


async def test_events_contain_the_internal_user_id(world: World) -> None:
    client = await a_pairwise_client(world)
    await world.tokens(client)
    assert {event["subject"] for event in await world.events("code.redeemed", "token.issued")} == {ALICE}


@pytest.mark.s(40)
async def test_hint_with_pairwise_subject_matches_the_user(world: World) -> None:
    client = await a_pairwise_client(world)
    hint = (await world.tokens(client))["id_token"]
    assert "code" in sent(await world.ask(client, a_session(), prompt="none", id_token_hint=hint))
    refused = sent(await world.ask(client, a_session(BOB), prompt="none", id_token_hint=hint))
    assert refused["error"] == "login_required"
    asked(await world.ask(client, a_session(BOB), id_token_hint=hint), Step.SIGN_IN)


@pytest.mark.s(40)
async def test_hint_of_another_sector_does_not_match_the_user(world: World) -> None:
    public, here, there = await world.client(), await a_pairwise_client(world), await a_pairwise_client(world, TWO)
    hints = {client: (await world.tokens(client))["id_token"] for client in (public, here, there)}
    for client in hints:
        for given, hint in hints.items():
            answer = sent(await world.ask(client, a_session(), prompt="none", id_token_hint=hint))
            assert ("code" in answer) == (client == given)


async def test_the_claims_parameter_asks_for_the_pseudonym(world: World) -> None:
    client = await a_pairwise_client(world)
    subject = said((await world.tokens(client))["id_token"])["sub"]

    async def answer(sub: str, user_id: str = ALICE) -> dict[str, str]:
        claims = json.dumps({"id_token": {"sub": {"value": sub}}})
        return sent(await world.ask(client, a_session(user_id), prompt="none", claims=claims))

    assert "code" in await answer(subject)
    assert (await answer(subject, BOB))["error"] == "login_required"
    assert (await answer(ALICE))["error"] == "login_required"  # the internal id cannot be probed


@pytest.mark.s(41, 42)
async def test_logout_token_contains_pairwise_subject_and_client_session_id(world: World) -> None:
    client = await a_pairwise_client(
        world,
        backchannel_logout_uri="https://client.example/back",
        frontchannel_logout_uri="https://client.example/front",
    )
    known = said((await world.tokens(client))["id_token"])
    decision = await world.check_logout([("id_token_hint", (await world.tokens(client))["id_token"])], a_session())
    assert decision.confirmed
    (framed,) = decision.frontchannel_uris
    assert parse_qs(urlsplit(framed).query)["sid"] == [known["sid"]]
    elsewhere = await world.check_logout(
        [("id_token_hint", (await world.tokens(client))["id_token"])], a_session(session_id="another")
    )
    assert not elsewhere.confirmed

    outside = Outside()
    replica = Replica(world, outside)
    await replica.receives_session_ended(a_session().session_id)
    await replica.tries()
    ((_, form),) = outside.received
    emitted = said(form["logout_token"])
    assert (emitted["sub"], emitted["sid"]) == (known["sub"], known["sid"])


async def test_the_document_is_fetched_when_a_client_is_made_and_has_to_list_its_uris(world: World) -> None:
    with pytest.raises(InvalidClientMetadata) as refusal:
        await world.client(subject_type="pairwise", sector_identifier_uri=ONE)
    assert refusal.value.reason == "SECTOR_UNREACHABLE"
    assert "404" not in refusal.value.description
    for subject_type in ("pairwise", "public"):
        world.outside.documents[ONE] = json.dumps([OTHER_URI]).encode()
        with pytest.raises(InvalidClientMetadata) as refusal:
            await world.client(subject_type=subject_type, sector_identifier_uri=ONE)
        assert refusal.value.reason == "SECTOR_REDIRECT_URI_UNLISTED"
    assert await world.rows("clients") == []
    await a_pairwise_client(world)
    assert world.outside.fetched == [ONE] * 4


async def test_it_is_fetched_again_when_what_it_says_may_not_hold_any_more(world: World) -> None:
    client = await a_pairwise_client(world)
    world.outside.fetched.clear()
    await world.update_client(client.client_id, {"client_name": "New"})
    assert world.outside.fetched == []
    await world.update_client(client.client_id, {"redirect_uris": [OTHER_URI]})
    assert world.outside.fetched == [ONE]
    for changes in ({"redirect_uris": [OTHER_URI, "https://evil.example/cb"]}, {"sector_identifier_uri": TWO}):
        with pytest.raises(InvalidClientMetadata):
            await world.update_client(client.client_id, changes)
    with pytest.raises(InvalidRequest):
        await world.update_client("c_unknown", {"redirect_uris": [OTHER_URI]})
    kept = (await world.get_client(client.client_id)).metadata
    assert (kept.redirect_uris, kept.sector_identifier_uri) == ((OTHER_URI,), ONE)


async def test_what_was_checked_is_what_is_kept(world: World) -> None:
    """Another request changes the client while the sector document is being fetched."""
    client = await world.client(subject_type="pairwise")
    world.outside.documents[ONE] = json.dumps([REDIRECT_URI]).encode()

    async def slowly(uri: str) -> Any:
        await world.update_client(client.client_id, {"redirect_uris": [OTHER_URI]})
        return await world.outside.get(uri)

    check_sector = replace(world.update_client.check_sector, fetch=RemoteSectorDocuments(fetch=slowly))
    world.update_client = replace(world.update_client, check_sector=check_sector)
    with pytest.raises(InvalidRequest) as refusal:
        await world.update_client(client.client_id, {"sector_identifier_uri": ONE})
    assert refusal.value.reason == "CLIENT_CHANGED_MEANWHILE"


async def test_from_the_first_pairwise_client_on_there_is_one_salt(world: World) -> None:
    same, another = (
        PairwiseSaltCheck(view=world.work.reading, subjects=world.subjects),
        PairwiseSaltCheck(view=world.work.reading, subjects=Subjects(b"x" * 32)),
    )
    await world.client()
    await another.require()
    assert await world.rows("pairwise_salt") == []
    await a_pairwise_client(world)
    await a_pairwise_client(world, TWO)
    await same.require()
    assert (await same.check()).ok
    assert not (await another.check()).ok
    with pytest.raises(ConfigurationError):
        await another.require()
    (row,) = await world.rows("pairwise_salt")
    assert world.subjects.has_fingerprint(row["fingerprint"])

    check = CheckSector(fetch=RemoteSectorDocuments(fetch=world.outside.get), subjects=Subjects(b"x" * 32))
    create = CreateClient(begin=world.work, check_sector=check, pepper=PEPPER, clock=world.clock)
    with pytest.raises(ServerError) as refusal:
        await create({**WEB, "subject_type": "pairwise"})
    assert refusal.value.reason == "PAIRWISE_SALT_CHANGED"
    assert len(await world.rows("clients")) == 3
    await create(WEB)


MEMBERS = {"redirect_uris": [REDIRECT_URI], "subject_type": "pairwise", "sector_identifier_uri": ONE}


async def register(world: World, address: str = "192.0.2.1", **quota: Any) -> Any:
    by = world.registrations("open", **quota)
    return await by.register(MEMBERS, initial_token=None, remote_address=address)


@pytest.mark.s(43, 57)
async def test_a_client_that_registers_itself_is_held_to_its_document(world: World) -> None:
    world.outside.documents[ONE] = json.dumps([REDIRECT_URI]).encode()
    made = await register(world)
    by = world.registrations("open")
    again = {**MEMBERS, "client_id": made.client.client_id}
    await by.change(made.client.client_id, made.token, {**again, "client_name": "New"})
    assert world.outside.fetched == [ONE]  # what was checked is not asked for again
    with pytest.raises(InvalidClientMetadata) as refusal:
        await by.change(made.client.client_id, made.token, {**again, "redirect_uris": [REDIRECT_URI, OTHER_URI]})
    assert refusal.value.reason == "SECTOR_REDIRECT_URI_UNLISTED"
    assert (await by.read(made.client.client_id, made.token)).metadata.redirect_uris == (REDIRECT_URI,)


@pytest.mark.s(43, 57, 62)
async def test_sector_document_fetches_are_limited_like_registrations(world: World) -> None:
    """What is refused uses nothing up; but a fetch is made for it, and that counts."""
    for _ in range(2):
        with pytest.raises(InvalidClientMetadata):
            await register(world, per_address=2)
    with pytest.raises(TemporarilyUnavailable) as refusal:
        await register(world, per_address=2)
    assert refusal.value.reason == "REGISTRATION_FETCHES_OF_ADDRESS"
    with pytest.raises(InvalidClientMetadata):
        await register(world, address="198.51.100.1", per_address=2)
    with pytest.raises(TemporarilyUnavailable) as refusal:
        await register(world, address="203.0.113.1", overall=3)
    assert refusal.value.reason == "REGISTRATION_FETCHES_PER_HOUR"
    assert len(world.outside.fetched) == 3
    assert await world.rows("clients") == []


@pytest.mark.s(43, 62)
async def test_a_registered_client_sends_us_out_no_oftener_than_it_may_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manage_registration, "CHANGES_PER_HOUR", 2)
    world.outside.documents[ONE] = json.dumps([REDIRECT_URI]).encode()
    made, by = await register(world), world.registrations("open")
    wrong = {**MEMBERS, "client_id": made.client.client_id, "sector_identifier_uri": TWO}
    for user_allowed in (InvalidClientMetadata, InvalidClientMetadata, TemporarilyUnavailable):
        with pytest.raises(user_allowed):
            await by.change(made.client.client_id, made.token, wrong)
    assert world.outside.fetched == [ONE, TWO, TWO]
