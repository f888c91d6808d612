"""The list of revocations: matching, expiry and size limit."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchkey_sdk.verifier.access_token import AccessToken, read_claims
from latchkey_sdk.verifier.bus_watch import ended_by
from latchkey_sdk.verifier.revocations import Kind, Revocations
from libs.crypto.jwt import ACCESS_TOKEN
from tests.unit.crypto.tokens import AUDIENCE, ISSUED, ISSUER, claims_of
from tests.unit.sdk.verifying import Clock

pytestmark = pytest.mark.s(70)
LIFE = 600


def a_list(clock: Clock | None = None, **more: Any) -> Revocations:
    return Revocations(longest_lifetime=LIFE, clock=clock or Clock(), **more)


def of_alice(*, issued: float = ISSUED, **changes: Any) -> AccessToken:
    own = {"sub": "alice", "client_id": "web", "jti": "j-1", "grant_id": "g-1", "sid": "s-1", "scope": "openid"}
    claims = claims_of(ACCESS_TOKEN, **own | {"iat": issued, "exp": issued + LIFE} | changes)
    return read_claims(claims, issuer=ISSUER, audience=AUDIENCE, now=issued, longest_lifetime=LIFE, leeway=0)


@pytest.mark.parametrize(("kind", "name", "why"), [
    ("token", "j-1", "TOKEN_REVOKED"),
    ("token", "j-2", None),
    ("grant", "g-1", "GRANT_REVOKED"),
    ("grant", "j-1", None),
    ("session", "s-1", "SESSION_ENDED"),
    ("session", "s-2", None),
    ("user", "alice", "ACCOUNT_ENDED"),
    ("user", "web", None),
    ("client", "web", "CLIENT_ENDED"),
    ("client", "alice", None),
    ("key", "kid-1", "KEY_REVOKED"),
])  # fmt: skip
def test_token_is_revoked_with_its_grant_session_user_client_or_key(kind: Kind, name: str, why: str | None) -> None:
    revocations = a_list()
    revocations.add(kind, name, at=ISSUED + 1)
    assert revocations.reason_against(of_alice(), kid="kid-1") == why


def test_offline_access_token_is_valid_after_the_session() -> None:
    revocations = a_list()
    revocations.add("session", "s-1", at=ISSUED)
    assert revocations.reason_against(of_alice(scope="openid offline_access"), kid="k") is None


@pytest.mark.parametrize("kind", ["user", "client"])
def test_tokens_issued_after_a_revocation_are_accepted(kind: Kind) -> None:
    revocations = a_list()
    revocations.add(kind, {"user": "alice", "client": "web"}[kind], at=ISSUED)
    assert revocations.reason_against(of_alice(issued=ISSUED + 60), kid="k")
    assert revocations.reason_against(of_alice(issued=ISSUED + 61), kid="k") is None


def test_revocation_is_kept_until_its_tokens_expire() -> None:
    clock = Clock()
    revocations = a_list(clock)
    revocations.add("grant", "g-1", at=ISSUED)
    clock.time = ISSUED + LIFE + 119
    revocations.add("grant", "g-2", at=clock.time)
    assert revocations.reason_against(of_alice(), kid="k") == "GRANT_REVOKED"
    clock.time += 2
    revocations.add("grant", "g-3", at=clock.time)
    assert len(revocations) == 2


@given(
    st.lists(
        st.tuples(st.sampled_from(["token", "grant", "user"]), st.integers(0, 30), st.integers(0, 60)), max_size=60
    )
)
def test_full_list_never_accepts_a_revoked_token(ended: list[tuple[Kind, int, int]]) -> None:
    """Every revoked token is refused, by its entry or for its age, for any order and number of revocations."""
    revocations = a_list(capacity=5)
    for kind, number, at in ended:
        revocations.add(kind, str(number), at=ISSUED + at)
        assert len(revocations) <= 5
    for kind, number, at in ended:
        claim = {"token": "jti", "grant": "grant_id", "user": "sub"}[kind]
        token = of_alice(issued=ISSUED + at, **{claim: str(number)})
        assert revocations.reason_against(token, kid="k")


@pytest.mark.parametrize(("event", "data", "ended"), [
    ("token.revoked", {"grant_id": "g", "token_id": "j"}, ("token", "j")),
    ("token.revoked", {"token_id": "j"}, ("token", "j")),
    ("token.revoked", {"grant_id": "g", "user_id": "u"}, ("grant", "g")),
    ("session.ended", {"session_id": "s", "user_id": "u"}, ("session", "s")),
    ("account.disabled", {"user_id": "u"}, ("user", "u")),
    ("account.deleted", {"user_id": "u"}, ("user", "u")),
    ("client.deleted", {"client_id": "c"}, ("client", "c")),
    ("key.revoked", {"kid": "k"}, ("key", "k")),
    ("account.created", {"user_id": "u"}, None),
    ("key.published", {"kid": "k"}, None),
    ("client.updated", {"client_id": "c"}, None),
])  # fmt: skip
def test_ended_by_event(event: str, data: dict[str, str], ended: tuple[str, str] | None) -> None:
    assert ended_by(f"latchkey.{event}.v1", data) == ended
