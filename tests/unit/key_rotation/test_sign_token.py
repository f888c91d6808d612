"""Remote signing: key-rotation signs only tokens that the token service may issue now."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.crypto.jwt import SigningKey
from libs.oauth.errors import InvalidRequest, OAuthError, TemporarilyUnavailable
from services.key_rotation.domain.keys import Key, KeyState
from services.key_rotation.domain.seals import SealedPrivateKey
from services.key_rotation.domain.signing import signer as signer_of
from services.key_rotation.usecases.sign_token import SIGNATURES, SignToken, TokenSigningRequest

ISSUER = "https://id.example"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MADE = SigningKey.generate("ES256")
LIFE = timedelta(minutes=10)
AT = int(NOON.timestamp())
ID_TOKEN = {"iss": ISSUER, "sub": "u", "aud": "c", "iat": AT, "exp": AT + 600}


def a_key(state: KeyState, activates_at: datetime | None, kid: str = MADE.kid) -> Key:
    private = SealedPrivateKey.__new__(SealedPrivateKey) if state in {KeyState.NEXT, KeyState.ACTIVE} else None
    return Key(
        kid=kid,
        alg="ES256",
        state=state,
        public_jwk="{}",
        private=private,
        published_at=NOON,
        activates_at=activates_at,
        signs_for=LIFE,
    )


@dataclass
class Signer:
    """SignToken with one key and a fixed clock."""

    at: datetime = NOON
    per_second: int = 1_000
    life: timedelta = LIFE
    sign: SignToken = field(init=False)

    def __post_init__(self) -> None:
        self.sign = SignToken(signers=self, issuer=ISSUER, per_second=self.per_second, clock=self)

    def now(self) -> datetime:
        return self.at

    async def signer(self, alg: str, *, verifiable_for: timedelta) -> tuple[Key, SigningKey]:
        return replace(a_key(KeyState.ACTIVE, NOON), signs_for=self.life), MADE

    async def __call__(self, *, alg: str = "ES256", typ: str = "JWT", **claims: Any) -> str:
        given = {name: value for name, value in {**ID_TOKEN, **claims}.items() if value is not None}
        return await self.sign(TokenSigningRequest(alg, typ, given, LIFE))


@pytest.fixture
def signer() -> Signer:
    return Signer()


def _dated(seconds: int) -> dict[str, Any]:
    return {"iat": AT + seconds, "exp": AT + seconds + 600}


@pytest.mark.parametrize(
    ("typ", "claims"),
    [
        ("JWT", {"iss": "https://other.example"}),
        ("JWT", {"iss": None}),
        ("JWT", _dated(361)),
        ("JWT", _dated(-361)),
        ("JWT", {"iat": str(AT)}),
        ("JWT", {"iat": None}),
        ("JWT", {"iat": True}),
        ("JWT", {"exp": AT + 602}),
        ("JWT", {"exp": AT}),
        ("JWT", {"exp": float("inf")}),
        ("JWT", {"exp": None}),
        ("JWT", {"nbf": AT + 3600}),
        ("JWT", {"sub": None}),
        ("JWT", {"client_id": "c"}),
        ("JWT", {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
        ("at+jwt", {}),
        ("at+jwt", {"client_id": "c", "jti": "1", "nonce": "n"}),
        ("logout+jwt", {"jti": "1", "events": {"urn:other": {}}}),
        ("secevent+jwt", {"jti": "1", "events": {}}),
        ("oauth-authz-req+jwt", {}),
        ("", {}),
        ("JWT", {"padding": "x" * 9000}),
    ],
)
async def test_sign_token_refuses_unexpected_claims(signer: Signer, typ: str, claims: dict[str, Any]):
    with pytest.raises(InvalidRequest) as refusal:
        await signer(typ=typ, **claims)
    assert refusal.value.reason == "CLAIMS_REFUSED"


async def test_sign_token_refuses_lifetimes_above_one_day(signer: Signer):
    signer.life = timedelta(days=400)
    await signer(exp=AT + 86_400)
    with pytest.raises(InvalidRequest):
        await signer(exp=AT + 86_402)


async def test_sign_token_signs_every_kind_of_token(signer: Signer):
    event: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
    kinds: dict[str, dict[str, Any]] = {
        "JWT": {"nonce": "n"},
        "at+jwt": {"client_id": "c", "jti": "1", "scope": "openid"},
        "logout+jwt": {"jti": "1", "events": event},
        "userinfo+jwt": {"exp": None, "name": "Alice"},
        "token-introspection+jwt": {"exp": None, "sub": None, "token_introspection": {"active": False}},
    }
    for typ, claims in kinds.items():
        assert (await signer(typ=typ, **claims)).count(".") == 2


async def test_sign_token_refuses_unknown_algorithms(signer: Signer):
    for alg in ("none", "HS256", "PS256", ""):
        with pytest.raises(InvalidRequest) as refusal:
            await signer(alg=alg)
        assert refusal.value.reason == "ALG_UNKNOWN"


async def test_sign_token_is_rate_limited():
    signer = Signer(per_second=3)
    for _ in range(3):
        await signer()
    with pytest.raises(TemporarilyUnavailable, match="SIGNATURES_PER_SECOND"):
        await signer()
    signer.at += timedelta(seconds=1)
    await signer()


@pytest.mark.parametrize(
    ("keys", "signs"),
    [
        ([a_key(KeyState.ACTIVE, NOON - LIFE, "a"), a_key(KeyState.NEXT, NOON + LIFE, "n")], "a"),
        ([a_key(KeyState.ACTIVE, NOON - LIFE, "a"), a_key(KeyState.NEXT, NOON, "n")], "n"),
        ([a_key(KeyState.ACTIVE, NOON - LIFE, "a"), a_key(KeyState.NEXT, None, "n")], "a"),
        ([a_key(KeyState.NEXT, NOON + LIFE, "n")], None),
        ([a_key(KeyState.RETIRING, NOON - LIFE, "old")], None),
        ([a_key(KeyState.REVOKED, NOON - LIFE, "old"), a_key(KeyState.RETIRED, NOON - LIFE, "older")], None),
        ([], None),
    ],
)
def test_signer_returns_the_active_key(keys: list[Key], signs: str | None):
    found = signer_of(keys, "ES256", now=NOON)
    assert (found and found.kid) == signs
    assert signer_of([replace(key, alg="RS256") for key in keys], "ES256", now=NOON) is None


async def test_refusals_are_counted_by_reason(signer: Signer):
    def counted(outcome: str) -> float:
        return float(SIGNATURES.labels("ES256", outcome)._value.get())

    before = counted("CLAIMS_REFUSED"), counted("signed")
    with pytest.raises(OAuthError):
        await signer(typ="nonsense")
    await signer()
    assert (counted("CLAIMS_REFUSED"), counted("signed")) == (before[0] + 1, before[1] + 1)
