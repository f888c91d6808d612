"""DPoP at the token endpoint, PAR, userinfo and introspection (RFC 9449), on both databases."""

from dataclasses import replace
from typing import Any

import pytest

from libs.oauth.errors import (
    InvalidClientMetadata,
    InvalidDpopProof,
    InvalidGrant,
    InvalidRequest,
    InvalidToken,
    UseDpopNonce,
)
from libs.oauth.parameters import Parameters
from services.token.domain.authorization.authorization_response import SendBack
from services.token.domain.tokens.dpop import DpopHeader
from tests.storage.token.test_pushed_requests import open_it
from tests.storage.token.world import Registered, World, at_once, sent
from tests.unit.token.parts import REDIRECT_URI, VERIFIER, a_session, parameters_of, read_token
from tests.unit.token.proofs import a_header, a_proof, jkt_of

pytestmark = pytest.mark.s(26)
PAR_URL = "https://token.example/par"
USERINFO_URL = "https://token.example/userinfo"
PUBLIC: dict[str, Any] = {"token_endpoint_auth_method": "none"}


async def _token(world: World, client: Registered, *proofs: str, **parameters: str) -> dict[str, Any]:
    return await world.issue_tokens(client.credentials, Parameters(parameters), dpop=a_header(*proofs))


async def _exchange(world: World, client: Registered, code: str, *proofs: str) -> dict[str, Any]:
    form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    return await _token(world, client, *proofs, code=code, **form)


async def _refresh(world: World, client: Registered, tokens: dict[str, Any], *proofs: str) -> dict[str, Any]:
    return await _token(world, client, *proofs, grant_type="refresh_token", refresh_token=tokens["refresh_token"])


def _proof(world: World, which: int = 0, **changes: Any) -> str:
    return a_proof(which, at=world.clock.now(), **changes)


def _resource_header(world: World, token: str, which: int = 0, **changes: Any) -> DpopHeader:
    proof = _proof(world, which, method="GET", url=USERINFO_URL, token=token, **changes)
    return a_header(proof, method="GET", url=USERINFO_URL)


async def test_tokens_are_bound_to_the_key_of_the_proof(world: World) -> None:
    client = await world.client()
    tokens = await _exchange(world, client, await world.code(client), _proof(world))
    assert tokens["token_type"] == "DPoP"
    assert read_token(tokens["access_token"], "ES256").claims["cnf"] == {"jkt": jkt_of()}
    own = await world.introspect_token(client.credentials, Parameters({"token": tokens["access_token"]}))
    assert not isinstance(own, str)
    assert (own["token_type"], own["cnf"]) == ("DPoP", {"jkt": jkt_of()})


async def test_client_credentials_token_is_bound_to_the_key_of_the_proof(world: World) -> None:
    client = await world.machine(dpop_bound_access_tokens=True)
    tokens = await _token(world, client, _proof(world), grant_type="client_credentials")
    assert read_token(tokens["access_token"], "ES256").claims["cnf"] == {"jkt": jkt_of()}


async def test_client_with_bound_tokens_needs_a_proof_at_every_grant(world: World) -> None:
    client = await world.client(dpop_bound_access_tokens=True)
    code = await world.code(client)
    with pytest.raises(InvalidRequest) as refusal:
        await _exchange(world, client, code)
    assert refusal.value.reason == "DPOP_PROOF_MISSING"
    tokens = await _exchange(world, client, code, _proof(world))
    with pytest.raises(InvalidRequest):
        await _refresh(world, client, tokens)
    machine = await world.machine(dpop_bound_access_tokens=True)
    with pytest.raises(InvalidRequest):
        await _token(world, machine, grant_type="client_credentials")


async def test_refresh_token_of_a_public_client_is_bound_to_its_key(world: World) -> None:
    client = await world.client(**PUBLIC)
    tokens = await _exchange(world, client, await world.code(client), _proof(world))
    for proofs in ((), (_proof(world, 1),)):
        with pytest.raises(InvalidGrant) as refusal:
            await _refresh(world, client, tokens, *proofs)
        assert refusal.value.reason == "DPOP_KEY_MISMATCH"
    refreshed = await _refresh(world, client, tokens, _proof(world))
    assert refreshed["token_type"] == "DPoP"
    with pytest.raises(InvalidGrant):
        await _refresh(world, client, refreshed, _proof(world, 1))


async def test_confidential_client_may_refresh_with_a_new_key_and_keeps_its_refresh_token(world: World) -> None:
    client = await world.client(dpop_bound_access_tokens=True)
    tokens = await _exchange(world, client, await world.code(client), _proof(world))
    refreshed = await _refresh(world, client, tokens, _proof(world, 1))
    assert read_token(refreshed["access_token"], "ES256").claims["cnf"] == {"jkt": jkt_of(1)}
    assert refreshed["refresh_token"] == tokens["refresh_token"]


async def test_code_with_dpop_jkt_needs_a_proof_of_that_key(world: World) -> None:
    client = await world.client()
    code = await world.code(client, dpop_jkt=jkt_of())
    for proofs in ((), (_proof(world, 1),)):
        with pytest.raises(InvalidGrant) as refusal:
            await _exchange(world, client, code, *proofs)
        assert refusal.value.reason == "DPOP_KEY_MISMATCH"
    assert (await _exchange(world, client, code, _proof(world)))["token_type"] == "DPoP"


@pytest.mark.parametrize("jkt", ["x", "A" * 44, "A" * 42 + "=", "A" * 42 + "+"])
async def test_malformed_dpop_jkt_is_refused(world: World, jkt: str) -> None:
    following = await world.ask(await world.client(), a_session(), dpop_jkt=jkt)
    assert isinstance(following, SendBack)
    assert dict(following.parameters)["error"] == "invalid_request"


async def _push(world: World, client: Registered, *proofs: str, **changes: Any) -> str:
    form = Parameters(parameters_of(client_id=client.client_id, **changes))
    answer = await world.push(client.credentials, form, dpop=a_header(*proofs, url=PAR_URL))
    return str(answer["request_uri"])


async def test_proof_of_a_pushed_request_binds_the_code(world: World) -> None:
    client = await world.client()
    for jkt in (None, jkt_of()):
        uri = await _push(world, client, _proof(world, url=PAR_URL), dpop_jkt=jkt)
        code = sent(await open_it(world, client, uri, a_session()))["code"]
        with pytest.raises(InvalidGrant):
            await _exchange(world, client, code, _proof(world, 1))
        assert await _exchange(world, client, code, _proof(world))


async def test_pushed_request_is_refused_when_dpop_jkt_is_not_the_key_of_the_proof(world: World) -> None:
    client = await world.client()
    with pytest.raises(InvalidRequest) as refusal:
        await _push(world, client, _proof(world, url=PAR_URL), dpop_jkt=jkt_of(1))
    assert refusal.value.reason == "DPOP_KEY_MISMATCH"
    with pytest.raises(InvalidDpopProof):
        await _push(world, client, _proof(world))  # made for the token endpoint


async def test_proof_is_accepted_once_also_by_concurrent_requests(world: World) -> None:
    client = await world.machine()
    proof = _proof(world)
    form = {"grant_type": "client_credentials"}
    answers, refusals = await at_once(*(_token(world, client, proof, **form) for _ in range(4)))
    assert len(answers) == 1
    assert {getattr(refusal, "reason", None) for refusal in refusals} == {"DPOP_PROOF_REPLAYED"}


async def test_refused_request_does_not_store_its_proof(world: World) -> None:
    client = await world.client(**PUBLIC)
    with pytest.raises(InvalidGrant):
        await _exchange(world, client, "no such code", _proof(world))
    with pytest.raises(InvalidToken):
        await world.userinfo("no token", dpop=_resource_header(world, "no token"))
    assert await world.rows("used_assertions") == []


async def test_stored_proofs_are_purged(world: World) -> None:
    client = await world.machine()
    await _token(world, client, _proof(world), grant_type="client_credentials")
    assert len(await world.rows("used_assertions")) == 1
    await world.purge_everything()
    assert await world.rows("used_assertions") == []


async def test_userinfo_needs_a_proof_of_the_key_of_a_bound_token(world: World) -> None:
    client = await world.client()
    tokens = await _exchange(world, client, await world.code(client), _proof(world))
    token = tokens["access_token"]
    with pytest.raises(InvalidToken) as as_bearer:
        await world.userinfo(token)
    assert as_bearer.value.reason == "DPOP_TOKEN_SCHEME"
    with pytest.raises(InvalidDpopProof) as without:
        await world.userinfo(token, dpop=a_header(method="GET", url=USERINFO_URL))
    assert without.value.reason == "DPOP_PROOF_MISSING"
    with pytest.raises(InvalidToken) as other_key:
        await world.userinfo(token, dpop=_resource_header(world, token, 1))
    assert other_key.value.reason == "DPOP_KEY_MISMATCH"
    with pytest.raises(InvalidDpopProof):
        await world.userinfo(token, dpop=_resource_header(world, "another token"))
    header = _resource_header(world, token)
    assert (await world.userinfo(token, dpop=header)).claims["sub"]
    with pytest.raises(InvalidDpopProof) as replayed:
        await world.userinfo(token, dpop=header)
    assert replayed.value.reason == "DPOP_PROOF_REPLAYED"


async def test_userinfo_refuses_an_unbound_token_with_the_scheme_dpop(world: World) -> None:
    token = (await world.tokens(await world.client()))["access_token"]
    with pytest.raises(InvalidToken) as refusal:
        await world.userinfo(token, dpop=_resource_header(world, token))
    assert refusal.value.reason == "DPOP_TOKEN_SCHEME"


async def test_nonce_of_the_response_is_accepted_when_nonces_are_required(world: World) -> None:
    client = await world.machine()
    proofs = replace(world.issue_tokens.proofs, nonce_mode="required")
    world.issue_tokens = replace(world.issue_tokens, proofs=proofs)
    with pytest.raises(UseDpopNonce) as refusal:
        await _token(world, client, _proof(world), grant_type="client_credentials")
    again = _proof(world, nonce=refusal.value.nonce)
    assert (await _token(world, client, again, grant_type="client_credentials"))["token_type"] == "DPoP"


async def test_bound_tokens_exclude_tokens_from_the_authorization_endpoint(world: World) -> None:
    with pytest.raises(InvalidClientMetadata) as refusal:
        await world.client(
            dpop_bound_access_tokens=True,
            grant_types=["authorization_code", "implicit"],
            response_types=["code", "code token"],
        )
    assert refusal.value.reason == "METADATA_DPOP"
