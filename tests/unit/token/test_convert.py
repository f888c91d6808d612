"""Protobuf to domain and back: a session is accepted only with an attestation of the authentication service."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from latchkey.authentication.v1 import sessions_pb2
from latchkey.token.v1 import authorization_pb2
from libs.crypto.attestation import attest
from libs.oauth.errors import InvalidRequest, ServerError
from libs.oauth.response_types import ResponseMode
from services.token.domain.authorization.authorization_response import AskUser, SendBack
from services.token.domain.authorization.interaction import Step
from services.token.domain.authorization.interaction_page import InteractionPage
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.rpc.authorization import pairs_of, to_interaction, to_response
from services.token.rpc.clients import after_page_token, metadata_of, page_token_of, to_client
from services.token.rpc.sessions import session_of
from tests.unit.token.parts import ALICE, MINUTE, NOON, SECOND, a_client

KEY = b"a" * 32
AUTHENTICATED_AT = NOON - timedelta(hours=1, microseconds=7)


def _session(attested_at: datetime = NOON) -> bytes:
    session = sessions_pb2.Session(session_id="s-1", user_id=ALICE, acr="urn:latchkey:acr:password", amr=["pwd", "otp"])
    session.authenticated_at.FromDatetime(AUTHENTICATED_AT)
    session.attested_at.FromDatetime(attested_at)
    return session.SerializeToString()


def _read(session: bytes, mac: bytes, *, now: datetime = NOON) -> AuthenticatedSession | None:
    request = authorization_pb2.AuthorizeRequest(
        session=sessions_pb2.AttestedSession(session=session, mac=mac),
    )
    return session_of(request, attestation_keys=[KEY], now=now)


@pytest.mark.s(63)
def test_attested_session_is_read_to_the_microsecond() -> None:
    assert _read(_session(), attest(KEY, _session())) == AuthenticatedSession(
        session_id="s-1",
        user_id=ALICE,
        authenticated_at=AUTHENTICATED_AT,
        acr="urn:latchkey:acr:password",
        amr=("pwd", "otp"),
    )


@pytest.mark.parametrize("keys", [[KEY], [b"n" * 32, KEY], [KEY, b"n" * 32]])
def test_session_is_accepted_during_replacement_of_attestation_key(keys: list[bytes]) -> None:
    attested = sessions_pb2.AttestedSession(session=_session(), mac=attest(KEY, _session()))
    request = authorization_pb2.AuthorizeRequest(session=attested)
    assert session_of(request, attestation_keys=keys, now=NOON) is not None
    with pytest.raises(ServerError):
        session_of(request, attestation_keys=[b"n" * 32], now=NOON)


def test_no_session_is_none() -> None:
    for request in (
        authorization_pb2.AuthorizeRequest(),
        authorization_pb2.ResumeAuthorizationRequest(),
        authorization_pb2.DecideAuthorizationRequest(),
        authorization_pb2.CheckLogoutRequest(),
    ):
        assert session_of(request, attestation_keys=[KEY], now=NOON) is None


@pytest.mark.s(63)
@pytest.mark.parametrize(
    "mac",
    [b"", b"x", attest(b"b" * 32, _session()), attest(KEY, _session() + b"x"), attest(KEY, _session())[:-1]],
)
def test_a_forged_session_is_refused(mac: bytes) -> None:
    with pytest.raises(ServerError) as refusal:
        _read(_session(), mac)
    assert (refusal.value.reason, refusal.value.redirectable) == ("SESSION_NOT_ATTESTED", False)


@pytest.mark.s(63)
def test_no_byte_of_a_session_can_be_changed() -> None:
    session = _session()
    for position in range(len(session)):
        changed = bytearray(session)
        changed[position] ^= 1
        with pytest.raises(ServerError):
            _read(bytes(changed), attest(KEY, session))


@pytest.mark.s(63)
def test_an_empty_session_is_not_taken_for_none() -> None:
    with pytest.raises(ServerError):
        _read(b"", b"")


@pytest.mark.s(63, 64)
@pytest.mark.parametrize("age", [timedelta(0), MINUTE, -MINUTE])
def test_an_attestation_is_good_for_a_minute_of_work_and_of_skew(age: timedelta) -> None:
    session = _session(NOON - age)
    assert _read(session, attest(KEY, session)) is not None


@pytest.mark.s(63, 64)
@pytest.mark.parametrize("age", [MINUTE + SECOND, timedelta(days=1), -MINUTE - SECOND, -timedelta(days=1)])
def test_a_stale_or_future_attestation_is_refused(age: timedelta) -> None:
    session = _session(NOON - age)
    with pytest.raises(ServerError) as refusal:
        _read(session, attest(KEY, session))
    assert refusal.value.reason == "SESSION_ATTESTATION_STALE"


@pytest.mark.s(63)
def test_a_session_that_does_not_say_when_it_was_attested_is_refused() -> None:
    session = sessions_pb2.Session(session_id="s-1", user_id=ALICE).SerializeToString()
    with pytest.raises(ServerError):
        _read(session, attest(KEY, session))


@pytest.mark.s(16, 61)
def test_parameters_keep_order_duplicates_and_every_character() -> None:
    pairs = [("state", " ä→\t🗝\"'<>&%+"), ("a", ""), ("state", "x")]
    request = authorization_pb2.AuthorizeRequest(
        parameters=[authorization_pb2.Parameter(name=name, value=value) for name, value in pairs]
    )
    assert pairs_of(request.parameters) == pairs


@pytest.mark.parametrize("mode", ResponseMode)
def test_an_answer_is_carried_whole(mode: ResponseMode) -> None:
    following = SendBack("https://client.example/cb", mode, (("code", "c"), ("state", "s"), ("iss", "i")))
    response = to_response(following).response
    assert response.redirect_uri == "https://client.example/cb"
    assert authorization_pb2.ResponseMode.Name(response.mode) == f"RESPONSE_MODE_{mode.name}"
    assert pairs_of(response.parameters) == [("code", "c"), ("state", "s"), ("iss", "i")]


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (Step.SIGN_IN, authorization_pb2.INTERACTION_KIND_SIGN_IN),
        (Step.CONSENT, authorization_pb2.INTERACTION_KIND_CONSENT),
        (None, authorization_pb2.INTERACTION_KIND_RESUME),
    ],
)
def test_a_step_is_carried_by_its_kind(step: Step | None, kind: int) -> None:
    interaction = to_response(AskUser("id", step)).interaction
    assert (interaction.request_id, interaction.kind) == ("id", kind)


def test_a_page_gets_what_it_shows() -> None:
    client = a_client(
        logo_uri="https://client.example/l", policy_uri="https://client.example/p", tos_uri="https://other.example/t"
    )
    page = InteractionPage(
        client, ("openid", "notes"), "alice", ("en", "se"), "r-1", "https://client.example", ("urn:x:api",)
    )
    assert MessageToDict(to_interaction(page), preserving_proto_field_name=True) == {
        "client_id": "c_shop",
        "client_name": "Shop",
        "logo_uri": "https://client.example/l",
        "policy_uri": "https://client.example/p",
        "tos_uri": "https://other.example/t",
        "scopes": ["openid", "notes"],
        "login_hint": "alice",
        "ui_locales": ["en", "se"],
        "correlation_id": "r-1",
        "redirect_origin": "https://client.example",
        "resources": ["urn:x:api"],
    }


def test_a_client_without_a_name_is_called_by_its_id() -> None:
    page = InteractionPage(a_client(client_name=""), (), "", (), "r-1", "https://client.example")
    assert to_interaction(page).client_name == "c_shop"


def test_metadata_come_and_go_as_json() -> None:
    struct = Struct()
    struct.update({"client_name": "Shop", "default_max_age": 60, "tos_uri": None, "contacts": ["a@client.example"]})
    members = metadata_of(struct)
    assert members == {
        "client_name": "Shop",
        "default_max_age": 60.0,
        "tos_uri": None,
        "contacts": ["a@client.example"],
    }
    client = a_client(**members)
    assert client.metadata.default_max_age == 60
    shown = MessageToDict(to_client(client).metadata)
    assert (shown["default_max_age"], shown["claims_in_id_token"], "tos_uri" in shown) == (60, False, False)


def test_page_tokens_read_back() -> None:
    client = a_client()
    assert after_page_token(page_token_of(client)) == (NOON, "c_shop")
    assert after_page_token("") is None
    elsewhere = base64.urlsafe_b64encode(
        f"{NOON.astimezone(timezone(timedelta(hours=2))).isoformat()} c_shop".encode()
    ).decode()
    assert after_page_token(elsewhere) == (NOON, "c_shop")


@pytest.mark.parametrize(
    "text",
    ["nonsense", "x", "2026-05-04T12:00:00+00:00", "today c_shop", "a b c", "ä 1", "2026-05-04T12:00:00+00:00 ä"],
)
def test_a_page_token_that_is_not_ours_is_refused(text: str) -> None:
    for token in (text, base64.urlsafe_b64encode(text.encode()).decode()):
        with pytest.raises(InvalidRequest) as refusal:
            after_page_token(token)
        assert refusal.value.reason == "PAGE_TOKEN_MALFORMED"


def test_a_page_token_always_names_a_moment() -> None:
    """One without a time zone would be an error of the database."""
    naive = base64.urlsafe_b64encode(b"2026-05-04T12:00:00 c_shop").decode()
    read = after_page_token(naive)
    assert read is not None
    assert read[0].tzinfo is UTC
