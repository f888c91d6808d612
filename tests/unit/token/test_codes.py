"""Redeeming a code: a table of all refusals."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from libs.oauth.errors import InvalidGrant
from services.token.domain.tokens.grants import CODE_LIFETIME, AuthorizationCode, CodeClaim, Grant
from tests.unit.token.parts import (
    ALICE,
    CHALLENGE,
    MINUTE,
    NOON,
    REDIRECT_URI,
    SECOND,
    VERIFIER,
    names_no_more_than_permitted,
)

GRANT = Grant(
    grant_id="g-1",
    client_id="c_shop",
    user_id=ALICE,
    session_id="s-1",
    scopes=("openid",),
    offline=False,
    authenticated_at=NOON - MINUTE,
    acr="a",
    amr=("pwd",),
    created_at=NOON,
)
CODE = AuthorizationCode(
    code_hash=b"h",
    client_id="c_shop",
    redirect_uri=REDIRECT_URI,
    redirect_uri_given=True,
    code_challenge=CHALLENGE,
    nonce=None,
    correlation_id="r-1",
    expires_at=NOON + CODE_LIFETIME,
    grant=GRANT,
)
CLAIM = CodeClaim(code_hash=b"h", client_id="c_shop", redirect_uri=REDIRECT_URI, verifier=VERIFIER)
OMITTED: dict[str, Any] = {"redirect_uri_given": False}
NO_PKCE: dict[str, Any] = {"code_challenge": None}
REDEEMED: dict[str, Any] = {"consumed_at": NOON}

TABLE: list[tuple[str, dict[str, Any], dict[str, Any], datetime, str]] = [
    ("as it should be", {}, {}, NOON, ""),
    ("at the last moment", {}, {}, NOON + MINUTE - SECOND, ""),
    ("expired", {}, {}, NOON + MINUTE, "CODE_EXPIRED"),
    ("expired long ago", {}, {}, NOON + 60 * MINUTE, "CODE_EXPIRED"),
    ("redeemed: a replay, which is not refused here", REDEEMED, {}, NOON, ""),
    ("redeemed and expired: still a replay", REDEEMED, {}, NOON + 60 * MINUTE, ""),
    ("another client", {}, {"client_id": "c_other"}, NOON, "CODE_OF_ANOTHER_CLIENT"),
    ("redeemed, another client", REDEEMED, {"client_id": "c_other"}, NOON, "CODE_OF_ANOTHER_CLIENT"),
    ("redirect URI missing, with PKCE (OAuth 2.1)", {}, {"redirect_uri": None}, NOON, ""),
    ("redirect URI missing", NO_PKCE, {"redirect_uri": None, "verifier": None}, NOON, "REDIRECT_URI_MISMATCH"),
    ("redirect URI different", {}, {"redirect_uri": REDIRECT_URI + "/"}, NOON, "REDIRECT_URI_MISMATCH"),
    ("redirect URI omitted in both", OMITTED, {"redirect_uri": None}, NOON, ""),
    ("redirect URI extra but right", OMITTED, {}, NOON, ""),
    ("redirect URI extra and wrong", OMITTED, {"redirect_uri": "https://x.example"}, NOON, "REDIRECT_URI_MISMATCH"),
    ("verifier missing", {}, {"verifier": None}, NOON, "PKCE_DOWNGRADE"),
    ("code_verifier without code_challenge", NO_PKCE, {}, NOON, "PKCE_DOWNGRADE"),
    ("neither challenge nor verifier", NO_PKCE, {"verifier": None}, NOON, ""),
    ("another verifier", {}, {"verifier": VERIFIER[:-1] + "x"}, NOON, "PKCE_MISMATCH"),
    ("the challenge as verifier (plain)", {}, {"verifier": CHALLENGE}, NOON, "PKCE_MISMATCH"),
    ("verifier too short", {}, {"verifier": VERIFIER[:42]}, NOON, "PKCE_MISMATCH"),
    ("verifier too long", {}, {"verifier": "x" * 129}, NOON, "PKCE_MISMATCH"),
    ("verifier with a blank", {}, {"verifier": VERIFIER + " "}, NOON, "PKCE_MISMATCH"),
    ("verifier that is not ASCII", {}, {"verifier": "ä" * 43}, NOON, "PKCE_MISMATCH"),
    (
        "redeemed, wrong verifier: not a replay that ends anything",
        REDEEMED,
        {"verifier": "x" * 43},
        NOON,
        "PKCE_MISMATCH",
    ),
]


@pytest.mark.s(12, 13, 14)
@pytest.mark.parametrize(("code", "claim", "now", "reason"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_code_is_judged(code: dict[str, Any], claim: dict[str, Any], now: datetime, reason: str) -> None:
    judged, claimed = replace(CODE, **code), replace(CLAIM, **claim)
    if not reason:
        judged.judge(claimed, now=now)
        return
    with pytest.raises(InvalidGrant) as refusal:
        judged.judge(claimed, now=now)
    assert refusal.value.reason == reason
    assert names_no_more_than_permitted(refusal.value)


def test_a_revoked_grant_is_not_live() -> None:
    GRANT.require_live()
    with pytest.raises(InvalidGrant) as refusal:
        replace(GRANT, revoked_at=NOON).require_live()
    assert refusal.value.reason == "GRANT_REVOKED"


@pytest.mark.s(60)
def test_codes_and_verifiers_do_not_print() -> None:
    assert VERIFIER not in repr(CLAIM)
    assert "b'h'" not in repr(CLAIM) + repr(CODE)
    assert CHALLENGE not in repr(CODE)
