"""What a logout request may do (OpenID Connect RP-Initiated Logout 1.0), row by row of the conformance plan."""

import base64
import json
import string
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from libs.crypto.jwt import SigningKey
from libs.oauth.errors import InvalidRequest
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.domain.tokens.subjects import Subjects
from services.token.usecases.sessions.check_logout import CheckLogout, LogoutDecision
from tests.unit.token.parts import (
    ALICE,
    BOB,
    ISSUER,
    NOON,
    REDIRECT_URI,
    Clock,
    HeldKeys,
    KnownClients,
    a_client,
    a_session,
    an_id_token,
    signed_by,
    signing_key,
)

AFTERWARDS = "https://client.example/signed-out"
WITH_QUERY = "https://client.example/signed-out?lang=en"
BARE_QUERY = "https://client.example/signed-out?"
SHOP = a_client(post_logout_redirect_uris=[AFTERWARDS, WITH_QUERY, BARE_QUERY])
OTHER = a_client(client_id="c_other", client_name="", post_logout_redirect_uris=[AFTERWARDS])
FRAMED = a_client(client_id="c_framed", frontchannel_logout_uri="https://client.example/front")
FRAMED_TOO = a_client(client_id="c_framed_too", frontchannel_logout_uri="https://client.example/front?a=b")
SUBJECTS = Subjects(b"s" * 32)
HERE = a_session(session_id="s-1")
FRAMES = a_session(session_id="s-frames")
STATE = string.ascii_letters + string.digits + "".join(set(string.punctuation) - set("+;"))


class SignedInTo:
    """The one look at the store: who signed in to what."""

    session_clients: "SignedInTo"

    async def of(self, session_id: str) -> list[str]:
        return ["c_framed", "c_framed_too", "c_gone", "c_shop"] if session_id == "s-frames" else ["c_shop"]


@asynccontextmanager
async def signed_in_to() -> AsyncIterator[Any]:
    view = SignedInTo()
    view.session_clients = view
    yield view


async def decided(session: AuthenticatedSession | None = HERE, **parameters: str) -> LogoutDecision:
    clients = KnownClients.of(SHOP, OTHER, FRAMED, FRAMED_TOO)
    check = CheckLogout(
        view=signed_in_to, issuer=ISSUER, clients=clients, keys=HeldKeys(), subjects=SUBJECTS, clock=Clock()
    )
    return await check(list(parameters.items()), session)


async def refused(session: AuthenticatedSession | None = HERE, **parameters: str) -> str:
    with pytest.raises(InvalidRequest) as refusal:
        await decided(session, **parameters)
    assert not refusal.value.redirectable
    return refusal.value.reason


@pytest.mark.s(41)
async def test_a_hint_of_this_session_needs_no_question() -> None:
    decision = await decided(id_token_hint=an_id_token(), post_logout_redirect_uri=AFTERWARDS, state="s")
    assert decision == LogoutDecision("Shop", f"{AFTERWARDS}?state=s", confirmed=True)


async def test_without_state_none_is_added() -> None:
    decision = await decided(id_token_hint=an_id_token(), post_logout_redirect_uri=AFTERWARDS)
    assert decision.redirect_uri == AFTERWARDS


async def test_thirty_characters_of_punctuation_survive_in_state() -> None:
    for uri in (AFTERWARDS, WITH_QUERY, BARE_QUERY):
        decision = await decided(id_token_hint=an_id_token(), post_logout_redirect_uri=uri, state=STATE)
        assert decision.redirect_uri.startswith(uri)
        assert dict(parse_qsl(urlsplit(decision.redirect_uri).query))["state"] == STATE


async def test_the_query_of_the_registered_uri_stays() -> None:
    decision = await decided(id_token_hint=an_id_token(), post_logout_redirect_uri=WITH_QUERY, state="s")
    assert decision.redirect_uri == f"{WITH_QUERY}&state=s"


@pytest.mark.s(41)
@pytest.mark.parametrize(
    "uri",
    [
        "https://client.example/other",
        AFTERWARDS + "?foo=bar",
        AFTERWARDS + "/",
        AFTERWARDS.upper(),
        REDIRECT_URI,
        "javascript:alert(1)",
    ],
)
async def test_an_unregistered_uri_gets_a_page(uri: str) -> None:
    assert await refused(id_token_hint=an_id_token(), post_logout_redirect_uri=uri) == "LOGOUT_URI_UNREGISTERED"


def _unsigned() -> str:
    """The hint again as the conformance suite changes it: alg none, and an empty signature."""
    _, payload, _ = an_id_token().split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    return f"{header}.{payload}."


def _tampered() -> str:
    header, payload, signature = an_id_token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    changed = base64.urlsafe_b64encode(json.dumps({**claims, "sid": "s-2"}).encode()).rstrip(b"=").decode()
    return f"{header}.{changed}.{signature}"


def _foreign() -> str:
    """Signed by the client's own key, in its own name."""
    return an_id_token(SigningKey.generate("ES256"), iss="c_shop", aud=ISSUER)


def _access_token() -> str:
    claims: dict[str, Any] = {"iss": ISSUER, "aud": ISSUER, "sub": ALICE, "client_id": "c_shop", "jti": "j"}
    times = {"iat": int(NOON.timestamp()), "exp": int(NOON.timestamp()) + 600}
    return signed_by(signing_key("ES256"), {**claims, **times, "sid": "s-1"}, typ="at+jwt")


BAD_HINTS = {
    "alg none": _unsigned,
    "tampered": _tampered,
    "another issuer": lambda: an_id_token(iss="https://other.example"),
    "an access token": _access_token,
    "no token": lambda: "nonsense",
    "from the future": lambda: an_id_token(iat=int(NOON.timestamp()) + 120, exp=int(NOON.timestamp()) + 600),
}


@pytest.mark.s(28, 41)
@pytest.mark.parametrize("make", BAD_HINTS.values(), ids=BAD_HINTS.keys())
async def test_a_hint_that_is_not_ours_gets_a_page(make: Any) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await decided(id_token_hint=make(), post_logout_redirect_uri=AFTERWARDS)
    assert refusal.value.description == "id_token_hint is not a valid ID token issued by this server."
    assert not refusal.value.redirectable


async def test_hint_whose_key_is_gone_leads_to_a_confirmation() -> None:
    """ID tokens outlive the signing keys. Nothing in such a hint is trusted."""
    decision = await decided(id_token_hint=_foreign(), post_logout_redirect_uri=AFTERWARDS)
    assert (decision.confirmed, decision.redirect_uri, decision.client_name) == (False, "", "")
    decision = await decided(id_token_hint=_foreign(), post_logout_redirect_uri=AFTERWARDS, client_id="c_shop")
    assert (decision.confirmed, decision.redirect_uri) == (False, AFTERWARDS)
    with pytest.raises(InvalidRequest):
        await decided(id_token_hint=_foreign(), post_logout_redirect_uri="https://evil.example/", client_id="c_shop")


async def test_state_is_percent_encoded_as_in_authorization_responses() -> None:
    decision = await decided(id_token_hint=an_id_token(), post_logout_redirect_uri=AFTERWARDS, state="a b+c&d")
    assert decision.redirect_uri == f"{AFTERWARDS}?state=a%20b%2Bc%26d"


async def test_an_expired_hint_is_as_good() -> None:
    hint = an_id_token(iat=int(NOON.timestamp()) - 86_400, exp=int(NOON.timestamp()) - 86_000)
    assert (await decided(id_token_hint=hint, post_logout_redirect_uri=AFTERWARDS)).confirmed


@pytest.mark.s(40, 41)
@pytest.mark.parametrize(
    ("session", "claims"),
    [
        (a_session(session_id="s-2"), {}),
        (a_session(BOB, session_id="s-2"), {}),
        (None, {}),
        (HERE, {"sid": "s-2"}),
    ],
)
async def test_a_hint_of_another_session_only_leads_to_a_question(
    session: AuthenticatedSession | None, claims: dict[str, Any]
) -> None:
    """A leaked id_token_hint does not suffice to sign a user out."""
    decision = await decided(session, id_token_hint=an_id_token(**claims), post_logout_redirect_uri=AFTERWARDS)
    assert decision == LogoutDecision("Shop", AFTERWARDS, confirmed=False)


@pytest.mark.s(40, 41)
@pytest.mark.parametrize(
    ("changes", "confirmed"),
    [({}, True), ({"auth_time": 1}, False), ({"auth_time": None}, False), ({"sub": BOB}, False)],
)
async def test_hint_without_sid_is_of_the_session_of_its_user_and_sign_in(
    changes: dict[str, Any], *, confirmed: bool
) -> None:
    """Clients without a logout URI get no `sid`, and sign their users out as well."""
    claims = {"auth_time": int(HERE.authenticated_at.timestamp()), **changes}
    hint = an_id_token(sid=None, **claims)
    assert (await decided(id_token_hint=hint)).confirmed is confirmed


async def test_a_redirect_without_any_client_gets_a_page() -> None:
    assert await refused(post_logout_redirect_uri=AFTERWARDS, state="s") == "LOGOUT_CLIENT_MISSING"


async def test_a_client_id_without_a_hint_leads_to_a_question() -> None:
    decision = await decided(client_id="c_shop", post_logout_redirect_uri=AFTERWARDS)
    assert decision == LogoutDecision("Shop", AFTERWARDS, confirmed=False)


async def test_nothing_or_state_alone_leads_to_a_question_and_nowhere() -> None:
    assert await decided() == LogoutDecision("", "", confirmed=False)
    assert await decided(state="s") == LogoutDecision("", "", confirmed=False)


async def test_a_hint_without_a_uri_signs_out_and_leads_nowhere() -> None:
    assert await decided(id_token_hint=an_id_token(), state="s") == LogoutDecision("Shop", "", confirmed=True)


async def test_clients_of_this_session_that_want_it_are_loaded_with_issuer_and_session() -> None:
    """OpenID Connect Front-Channel Logout 1.0, 2. A client that is gone, or wants none, is left out."""
    parameters = "iss=https%3A%2F%2Fissuer.example&sid=s-frames"
    decision = await decided(FRAMES)
    assert decision.frontchannel_uris == (
        f"https://client.example/front?{parameters}",
        f"https://client.example/front?a=b&{parameters}",
    )
    assert (await decided(HERE)).frontchannel_uris == ()
    assert (await decided(None)).frontchannel_uris == ()


async def test_a_client_without_a_name_is_called_by_its_id() -> None:
    assert (await decided(id_token_hint=an_id_token(aud="c_other"))).client_name == "c_other"


@pytest.mark.s(41)
async def test_hint_and_client_id_must_agree() -> None:
    assert await refused(id_token_hint=an_id_token(), client_id="c_other") == "LOGOUT_CLIENT_MISMATCH"
    assert (await decided(id_token_hint=an_id_token(), client_id="c_shop")).confirmed


@pytest.mark.parametrize("parameters", [{"client_id": "c_gone"}, {"id_token_hint": an_id_token(aud="c_gone")}])
async def test_a_client_that_is_not_there_gets_a_page(parameters: dict[str, Any]) -> None:
    assert await refused(**parameters) == "CLIENT_UNKNOWN"


@pytest.mark.s(61)
async def test_a_parameter_may_be_there_once() -> None:
    clients = KnownClients.of(SHOP)
    check = CheckLogout(
        view=signed_in_to, issuer=ISSUER, clients=clients, keys=HeldKeys(), subjects=SUBJECTS, clock=Clock()
    )
    with pytest.raises(InvalidRequest) as refusal:
        await check([("state", "a"), ("state", "b")], HERE)
    assert (refusal.value.reason, refusal.value.redirectable) == ("PARAMETER_REPEATED", False)
