"""What a hook may answer: namespaced claims or a denial, and nothing that a protocol means something by."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.oauth.errors import AccessDenied
from services.token.domain.tokens.token_claims import access_token_claims
from services.token.domain.tokens.token_hook import MAX_REPLY_BYTES, HookReplyInvalid, claims_of_reply
from tests.unit.token.parts import NOON

TIER = "https://example.com/tier"


def reply(**members: Any) -> bytes:
    return json.dumps(members).encode()


@pytest.mark.parametrize(
    "claims", [{}, {TIER: "gold"}, {TIER: {"level": 3, "since": None}, "https://a.example/b": [1]}]
)
def test_namespaced_claims_are_added(claims: dict[str, Any]) -> None:
    assert claims_of_reply(reply(claims=claims)) == claims


def test_a_denial_denies() -> None:
    with pytest.raises(AccessDenied):
        claims_of_reply(reply(deny=True))


@pytest.mark.parametrize("body", [
    b"",
    b"[]",
    b"{}",
    b"{",
    b"\xff",
    b'{"claims": {"https://example.com/x": NaN}}',
    reply(deny=False),
    reply(deny="yes"),
    reply(deny=True, claims={}),
    reply(claims=[]),
    reply(claims={}, ttl=1),
    *(reply(claims={name: 1}) for name in ("sub", "scope", "aud", "exp", "tier", "", "https://", "http://a.example/b")),
    reply(claims={"HTTPS://example.com/x": 1}),
    reply(claims={"https://openid.net/x": 1}),
    reply(claims={"https://example.com/é": 1}),
    reply(claims={f"https://example.com/{'x' * 200}": 1}),
    reply(claims={f"https://example.com/{number}": 1 for number in range(21)}),
    reply(claims={TIER: "x" * MAX_REPLY_BYTES}),
])  # fmt: skip
def test_everything_else_is_no_answer(body: bytes) -> None:
    with pytest.raises(HookReplyInvalid):
        claims_of_reply(body)


@pytest.mark.s(29)
@given(st.dictionaries(st.text(max_size=30), st.integers(), max_size=4))
def test_no_answer_changes_a_claim_of_a_protocol(claims: dict[str, Any]) -> None:
    plain: dict[str, Any] = {
        "issuer": "https://id.example",
        "client_id": "c_web",
        "audience": ("https://id.example",),
        "scopes": ("openid",),
        "grant": None,
        "shown": None,
        "token_id": "t-1",
        "now": NOON,
        "lifetime": NOON - NOON,
    }
    try:
        hook_claims = claims_of_reply(reply(claims=claims))
    except HookReplyInvalid:
        hook_claims = claims  # and even so
    made = access_token_claims(**plain, further_claims=hook_claims)
    for name, value in access_token_claims(**plain).items():
        assert made[name] == value
