"""The gRPC methods over the real use cases: what the frontend and operators send and get."""

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from latchkey.authentication.v1 import sessions_pb2
from latchkey.token.v1 import admin_pb2, authorization_pb2
from libs.crypto.attestation import attest
from libs.oauth.errors import InvalidRequest, ServerError
from services.token.rpc.authorization import AuthorizationRpc
from services.token.rpc.clients import ClientAdminRpc
from services.token.usecases.tokens.list_retired_key_uses import ListRetiredKeyUses
from tests.storage.token.world import BROWSER, Registered, World
from tests.unit.token.parts import ALICE, NOON, REDIRECT_URI, an_id_token, parameters_of

KEY = b"a" * 32
SECONDS_OF_A_DAY = 86_400


@pytest.fixture
def authorization(world: World) -> AuthorizationRpc:
    return AuthorizationRpc(
        authorize=world.authorize,
        resume=world.resume,
        deny=world.deny,
        describe=world.describe,
        check_logout=world.check_logout,
        get_logo=world.get_logo,
        attestation_keys=[KEY],
        clock=world.clock,
    )


@pytest.fixture
def admin(world: World) -> ClientAdminRpc:
    return ClientAdminRpc(
        create=world.create_client,
        get=world.get_client,
        list_page=world.list_clients,
        update=world.update_client,
        rotate_secret=world.rotate_secret,
        delete=world.delete_client,
        create_initial_token=world.create_initial_token,
        list_initial_tokens=world.list_initial_tokens,
        revoke_initial_token=world.revoke_initial_token,
        list_retired_key_uses=ListRetiredKeyUses(view=world.work.reading),
    )


@pytest.fixture
async def client(world: World) -> Registered:
    return await world.client(consent="required", post_logout_redirect_uris=["https://client.example/out"])


def _attested(key: bytes = KEY) -> sessions_pb2.AttestedSession:
    session = sessions_pb2.Session(session_id="s-1", user_id=ALICE, acr="a", amr=["pwd"])
    session.authenticated_at.FromDatetime(NOON)
    session.attested_at.FromDatetime(NOON)
    whole = session.SerializeToString()
    return sessions_pb2.AttestedSession(session=whole, mac=attest(key, whole))


def _request(client: Registered, **more: Any) -> authorization_pb2.AuthorizeRequest:
    pairs = parameters_of(client_id=client.client_id)
    return authorization_pb2.AuthorizeRequest(
        parameters=[authorization_pb2.Parameter(name=name, value=value) for name, value in pairs.items()],
        browser_secret=BROWSER,
        **more,
    )


async def test_authorize_requires_sign_in_then_consent_then_redirects(
    authorization: AuthorizationRpc, client: Registered
) -> None:
    asked = (await authorization.Authorize(_request(client), None)).interaction
    assert asked.kind == authorization_pb2.INTERACTION_KIND_SIGN_IN
    where: dict[str, Any] = {"request_id": asked.request_id, "browser_secret": BROWSER}
    page = await authorization.GetInteraction(authorization_pb2.GetInteractionRequest(**where), None)
    assert (page.client_id, page.client_name, list(page.scopes)) == (client.client_id, "Shop", ["openid", "notes"])

    resume = authorization_pb2.ResumeAuthorizationRequest(**where, session=_attested())
    resumed = await authorization.ResumeAuthorization(resume, None)
    assert resumed.interaction.kind == authorization_pb2.INTERACTION_KIND_CONSENT
    allow = authorization_pb2.DecideAuthorizationRequest(
        **where, session=_attested(), decision=authorization_pb2.DECISION_ALLOW
    )
    answer = (await authorization.DecideAuthorization(allow, None)).response
    assert (answer.redirect_uri, answer.mode) == (REDIRECT_URI, authorization_pb2.RESPONSE_MODE_QUERY)
    assert {parameter.name for parameter in answer.parameters} == {"code", "state", "iss"}


async def test_deny_ends_the_request_with_access_denied(authorization: AuthorizationRpc, client: Registered) -> None:
    asked = (await authorization.Authorize(_request(client, session=_attested()), None)).interaction
    deny = authorization_pb2.DecideAuthorizationRequest(
        request_id=asked.request_id,
        browser_secret=BROWSER,
        session=_attested(),
        decision=authorization_pb2.DECISION_DENY,
    )
    answer = (await authorization.DecideAuthorization(deny, None)).response
    assert {parameter.name: parameter.value for parameter in answer.parameters}["error"] == "access_denied"


@pytest.mark.s(55)
async def test_no_decision_decides_nothing(world: World, authorization: AuthorizationRpc, client: Registered) -> None:
    asked = (await authorization.Authorize(_request(client, session=_attested()), None)).interaction
    with pytest.raises(InvalidRequest) as refusal:
        await authorization.DecideAuthorization(
            authorization_pb2.DecideAuthorizationRequest(
                request_id=asked.request_id, browser_secret=BROWSER, session=_attested()
            ),
            None,
        )
    assert (refusal.value.reason, refusal.value.redirectable) == ("DECISION_MISSING", False)
    assert await world.rows("consents") == []


async def test_a_request_that_came_without_cookies_is_looked_at_again(
    world: World, authorization: AuthorizationRpc, client: Registered
) -> None:
    asked = (await authorization.Authorize(_request(client, defer=True), None)).interaction
    assert asked.kind == authorization_pb2.INTERACTION_KIND_RESUME
    assert len(await world.rows("pending_requests")) == 1


@pytest.mark.s(63)
async def test_unattested_session_is_refused(world: World, authorization: AuthorizationRpc, client: Registered) -> None:
    forged = _attested(b"b" * 32)
    where: dict[str, Any] = {"request_id": "x", "browser_secret": BROWSER, "session": forged}
    for call in (
        authorization.Authorize(_request(client, session=forged), None),
        authorization.ResumeAuthorization(authorization_pb2.ResumeAuthorizationRequest(**where), None),
        authorization.DecideAuthorization(
            authorization_pb2.DecideAuthorizationRequest(**where, decision=authorization_pb2.DECISION_ALLOW), None
        ),
        authorization.CheckLogout(authorization_pb2.CheckLogoutRequest(session=forged), None),
    ):
        with pytest.raises(ServerError) as refusal:
            await call
        assert (refusal.value.reason, refusal.value.redirectable) == ("SESSION_NOT_ATTESTED", False)
    assert await world.rows("grants") == []


async def test_a_logout_is_judged(authorization: AuthorizationRpc, client: Registered) -> None:
    pairs = {
        "id_token_hint": an_id_token(aud=client.client_id),
        "post_logout_redirect_uri": "https://client.example/out",
        "state": "s",
    }
    request = authorization_pb2.CheckLogoutRequest(
        parameters=[authorization_pb2.Parameter(name=name, value=value) for name, value in pairs.items()],
        session=_attested(),
    )
    decision = await authorization.CheckLogout(request, None)
    assert (decision.client_name, decision.redirect_uri, decision.confirmed) == (
        "Shop",
        "https://client.example/out?state=s",
        True,
    )


def _metadata(**members: Any) -> Struct:
    struct = Struct()
    struct.update({"redirect_uris": [REDIRECT_URI], **members})
    return struct


@pytest.mark.s(53)
async def test_operators_make_change_and_look_at_clients_and_see_each_secret_once(admin: ClientAdminRpc) -> None:
    made = await admin.CreateClient(admin_pb2.CreateClientRequest(metadata=_metadata(client_name="Shop")), None)
    client_id = made.client.client_id
    assert len(made.client_secret) == 43
    assert MessageToDict(made.client) == {
        "clientId": client_id,
        "createdAt": "2026-05-04T12:00:00Z",
        "updatedAt": "2026-05-04T12:00:00Z",
        "metadata": {
            "client_name": "Shop",
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "application_type": "web",
            "subject_type": "public",
            "id_token_signed_response_alg": "RS256",
            "introspection_signed_response_alg": "RS256",
            "backchannel_logout_session_required": False,
            "frontchannel_logout_session_required": False,
            "require_pushed_authorization_requests": False,
            "dpop_bound_access_tokens": False,
            "claims_in_id_token": False,
            "consent": "required",
            "security_profile": "oidc",
            "strict_client_jwts": False,
            "introspection": "own",
        },
    }
    changes = Struct()
    changes.update({"client_name": None})
    changed = await admin.UpdateClient(admin_pb2.UpdateClientRequest(client_id=client_id, metadata=changes), None)
    assert changed.client_secret == ""
    assert "client_name" not in changed.client.metadata
    rotated = await admin.RotateClientSecret(
        admin_pb2.RotateClientSecretRequest(client_id=client_id, overlap_seconds=SECONDS_OF_A_DAY), None
    )
    assert len({made.client_secret, rotated.client_secret}) == 2
    shown = str(await admin.GetClient(admin_pb2.GetClientRequest(client_id=client_id), None))
    assert made.client_secret not in shown
    assert rotated.client_secret not in shown
    await admin.DeleteClient(admin_pb2.DeleteClientRequest(client_id=client_id), None)
    assert list((await admin.ListClients(admin_pb2.ListClientsRequest(), None)).clients) == []


async def _pages(admin: ClientAdminRpc, size: int) -> list[list[str]]:
    pages, token = [], ""
    while True:
        page = await admin.ListClients(admin_pb2.ListClientsRequest(page_size=size, page_token=token), None)
        pages.append([client.client_id for client in page.clients])
        token = page.next_page_token
        if not token:
            return pages


async def test_clients_are_listed_oldest_first_page_by_page(world: World, admin: ClientAdminRpc) -> None:
    made = []
    for number in range(5):
        if number % 2:
            world.clock.moment = world.clock.moment.replace(microsecond=number)
        made.append((await world.client()).client_id)
    in_order = [row["client_id"] for row in sorted(await world.rows("clients"), key=_age)]
    assert set(in_order) == set(made)
    for size, lengths in ((0, [5]), (5, [5]), (2, [2, 2, 1]), (1, [1] * 5), (1_000, [5])):
        pages = await _pages(admin, size)
        assert [len(page) for page in pages] == lengths
        assert [client_id for page in pages for client_id in page] == in_order


def _age(row: Any) -> Any:
    return row["created_at"], row["client_id"]


async def test_a_page_goes_on_behind_a_client_that_was_deleted(world: World, admin: ClientAdminRpc) -> None:
    for _ in range(3):
        await world.client()
    first = await admin.ListClients(admin_pb2.ListClientsRequest(page_size=1), None)
    await world.delete_client(first.clients[0].client_id)
    rest = await admin.ListClients(admin_pb2.ListClientsRequest(page_token=first.next_page_token), None)
    assert len(rest.clients) == 2


@pytest.mark.s(61)
@pytest.mark.parametrize(("size", "token"), [(-1, ""), (0, "nonsense"), (-(2**31), "")])
async def test_a_page_that_cannot_be_is_refused(world: World, admin: ClientAdminRpc, size: int, token: str) -> None:
    with pytest.raises(InvalidRequest):
        await admin.ListClients(admin_pb2.ListClientsRequest(page_size=size, page_token=token), None)
