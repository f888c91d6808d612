"""The gRPC methods over the real use cases: what a caller sends and gets."""

from datetime import timedelta
from typing import Any, cast

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from latchkey.authentication.v1 import accounts_pb2, admin_pb2, sessions_pb2
from libs.crypto.attestation import verify_attestation
from libs.oauth.errors import InvalidRequest
from services.authentication.rpc.accounts import AccountRpc
from services.authentication.rpc.sessions import SessionRpc
from services.authentication.rpc.user_admin import UserAdminRpc
from tests.storage.authentication.world import NOON, PASSWORD, World

KEY = b"a" * 32
CONTEXT = sessions_pb2.RequestContext(remote_address="203.0.113.77", client_id="c_shop", correlation_id="request-1")


class CallFromTheCli:
    """As much of a gRPC call as a servicer looks at."""

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_subject_alternative_name": [b"cli.latchkey.internal"]}


CALL = cast(Any, CallFromTheCli())


@pytest.fixture
def sessions(world: World) -> SessionRpc:
    return SessionRpc(
        sign_in=world.sign_in,
        get_session=world.get_session,
        end_session=world.end_session,
        list_sessions=world.list_sessions,
        end_own_sessions=world.end_own_sessions,
        change_password=world.change_password,
        attestation_key=KEY,
    )


@pytest.fixture
def admin(world: World) -> UserAdminRpc:
    return UserAdminRpc(
        create_user=world.create_user,
        import_user=world.import_user,
        invite_user=world.invite_user,
        list_users=world.list_users,
        set_password=world.set_password,
        disable_user=world.disable_user,
        enable_user=world.use_cases.enable_user,
        delete_user=world.use_cases.delete_user,
        send_password_reset=world.use_cases.send_password_reset,
        list_user_sessions=world.use_cases.list_user_sessions,
        end_user_sessions=world.use_cases.end_user_sessions,
        reset_factors=world.reset_factors,
        find_user=world.find_user,
        update_user=world.update_user,
    )


@pytest.fixture
def request_to_sign_in() -> sessions_pb2.SignInRequest:
    return sessions_pb2.SignInRequest(username="alice", password=PASSWORD, context=CONTEXT)


@pytest.mark.s(63)
async def test_a_session_is_attested_and_no_byte_of_it_can_be_changed(
    world: World, sessions: SessionRpc, alice: str, request_to_sign_in: sessions_pb2.SignInRequest
) -> None:
    signed_in = await sessions.SignIn(request_to_sign_in, CALL)
    answer = await sessions.GetSession(sessions_pb2.GetSessionRequest(session_secret=signed_in.session_secret), CALL)

    attested = answer.attested
    assert sessions_pb2.Session.FromString(attested.session) == answer.session
    assert verify_attestation(KEY, attested.session, attested.mac)
    assert not verify_attestation(b"b" * 32, attested.session, attested.mac)
    for position in range(len(attested.session)):
        changed = bytearray(attested.session)
        changed[position] ^= 1
        assert not verify_attestation(KEY, bytes(changed), attested.mac)
    assert answer.session.user_id == alice
    assert answer.session.session_id == signed_in.session.session_id
    assert list(answer.session.amr) == ["pwd"]
    assert answer.session.acr == "urn:latchkey:acr:password"
    assert answer.session.attested_at.ToDatetime(tzinfo=NOON.tzinfo) == NOON
    assert answer.session.authenticated_at.ToDatetime(tzinfo=NOON.tzinfo) == NOON
    assert (answer.display_name, answer.username) == ("Alice Example", "alice")
    assert answer.signed_in_recently
    world.clock.move(timedelta(minutes=11))
    later = await sessions.GetSession(sessions_pb2.GetSessionRequest(session_secret=signed_in.session_secret), CALL)
    assert not later.signed_in_recently


async def test_an_unknown_session_is_an_empty_answer(sessions: SessionRpc) -> None:
    answer = await sessions.GetSession(sessions_pb2.GetSessionRequest(session_secret="unknown"), CALL)
    assert answer == sessions_pb2.GetSessionResponse()


@pytest.mark.s(60)
async def test_events_have_the_prefix_of_the_address_and_not_the_address(
    world: World, sessions: SessionRpc, alice: str, request_to_sign_in: sessions_pb2.SignInRequest
) -> None:
    await sessions.SignIn(request_to_sign_in, CALL)
    [login] = await world.events("login.succeeded")
    assert login["data"]["ip_prefix"] == "203.0.113.0/24"
    assert "203.0.113.77" not in await world.outbox_text()


async def test_the_session_that_was_ended_is_named_once(
    sessions: SessionRpc, alice: str, request_to_sign_in: sessions_pb2.SignInRequest
) -> None:
    signed_in = await sessions.SignIn(request_to_sign_in, CALL)
    request = sessions_pb2.EndSessionRequest(session_secret=signed_in.session_secret, context=CONTEXT)
    assert (await sessions.EndSession(request, CALL)).session_id == signed_in.session.session_id
    assert (await sessions.EndSession(request, CALL)).session_id == ""


@pytest.mark.s(53)
async def test_operators_create_list_and_disable_and_never_see_a_password(world: World, admin: UserAdminRpc) -> None:
    claims = Struct()
    claims.update({"email": "alice@example.org", "email_verified": True, "address": {"country": "GB"}})
    request = admin_pb2.CreateUserRequest(username="alice", password=PASSWORD, claims=claims)
    created = (await admin.CreateUser(request, CALL)).user

    assert MessageToDict(created) == {
        "userId": created.user_id,
        "username": "alice",
        "state": "ACCOUNT_STATE_ACTIVE",
        "createdAt": "2026-05-04T12:00:00Z",
        "claims": {"email": "alice@example.org", "email_verified": True, "address": {"country": "GB"}},
    }
    listed = await admin.ListUsers(admin_pb2.ListUsersRequest(), CALL)
    assert list(listed.users) == [created]
    assert listed.next_page_token == ""
    disabled = (await admin.DisableUser(admin_pb2.DisableUserRequest(username="alice"), CALL)).user
    assert disabled.state == accounts_pb2.ACCOUNT_STATE_DISABLED
    assert {event["actorid"] for event in await world.events()} == {"cli"}


async def test_password_set_by_an_operator_is_accepted_at_sign_in(
    world: World, admin: UserAdminRpc, alice: str
) -> None:
    await admin.SetPassword(admin_pb2.SetPasswordRequest(username="alice", password="another-password"), CALL)
    assert (await world.signed_in(password="another-password")).session.user_id == alice


@pytest.mark.parametrize("value", [float("nan"), 1.0, None, ["a"], {"a": {"b": {}}}])
async def test_claims_of_any_json_shape_are_refused_and_break_nothing(admin: UserAdminRpc, value: object) -> None:
    claims = Struct()
    claims.update({"name": cast(Any, value)})
    with pytest.raises(InvalidRequest):
        await admin.CreateUser(admin_pb2.CreateUserRequest(username="alice", password=PASSWORD, claims=claims), CALL)


async def test_the_token_service_gets_state_session_and_claims(world: World, alice: str) -> None:
    accounts = AccountRpc(get_account=world.get_account, sign_in=world.sign_in)
    signed_in = await world.signed_in()
    answer = await accounts.GetAccount(
        accounts_pb2.GetAccountRequest(
            user_id=alice, session_id=signed_in.session.id, claims=["name", "updated_at", "email"]
        ),
        CALL,
    )
    assert answer.state == accounts_pb2.ACCOUNT_STATE_ACTIVE
    assert answer.session_live
    assert MessageToDict(answer.claims) == {"name": "Alice Example", "updated_at": NOON.timestamp()}


async def test_an_unknown_user_has_no_state(world: World) -> None:
    accounts = AccountRpc(get_account=world.get_account, sign_in=world.sign_in)
    answer = await accounts.GetAccount(accounts_pb2.GetAccountRequest(user_id="unknown"), CALL)
    assert answer.state == accounts_pb2.ACCOUNT_STATE_UNSPECIFIED
    assert not answer.session_live


async def test_a_password_given_to_a_client_starts_a_session(world: World, alice: str) -> None:
    accounts = AccountRpc(get_account=world.get_account, sign_in=world.sign_in)
    request = accounts_pb2.SignInThroughClientRequest(username="alice", password=PASSWORD)
    request.context.client_id = "c_app"
    session = (await accounts.SignInThroughClient(request, CALL)).session
    assert (session.user_id, list(session.amr)) == (alice, ["pwd"])
    answer = await accounts.GetAccount(
        accounts_pb2.GetAccountRequest(user_id=alice, session_id=session.session_id), CALL
    )
    assert answer.session_live
