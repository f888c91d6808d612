"""Whose tokens still come though their key signs no more: only what such a key really signed counts."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from libs.crypto.jwt import SigningKey, VerificationKey, sign_jwt
from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.token.adapters.retired_keys import RetiredKeys
from services.token.domain.tokens.retired_keys import PresentedAs, RetiredKeyUse
from tests.unit.token.parts import ISSUER, NOON, SECOND, Clock, signing_key

OLD, ACTIVE, OTHER_KEY = signing_key("ES256"), signing_key("ES256", 1), signing_key("ES256", 2)
OLD_RSA = signing_key("RS256")


def _public(*keys: SigningKey) -> list[VerificationKey]:
    return [VerificationKey.from_jwk(key.public_jwk()) for key in keys]


def _access_token(key: SigningKey, client_id: str = "app") -> str:
    claims = {"iss": ISSUER, "sub": "u", "aud": "api", "client_id": client_id, "iat": 1, "exp": 2, "jti": "1"}
    return sign_jwt(claims, key, typ="at+jwt")


class Database:
    """What of the token service's database is used here."""

    def __init__(self) -> None:
        self.away = False
        self.uses: list[RetiredKeyUse] = []
        self.retired_key_uses = self

    async def add(self, uses: Sequence[RetiredKeyUse]) -> None:
        self.uses += uses

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        if self.away:
            raise TemporarilyUnavailable(reason=Reason.DATABASE_UNAVAILABLE)
        yield self


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def former(clock: Clock) -> RetiredKeys:
    former = RetiredKeys(clock=clock)
    former.see(_public(OLD, OLD_RSA, ACTIVE), serving=[ACTIVE.kid])
    return former


async def _counted(former: RetiredKeys) -> list[tuple[str, str, str, int]]:
    database = Database()
    await former.write(cast(Any, database.begin))
    return [(use.client_id, use.kid, use.presented_as.value, use.count) for use in database.uses]


async def test_a_token_of_a_retiring_key_names_its_client(former: RetiredKeys, clock: Clock) -> None:
    database = Database()
    former.record_presented(_access_token(OLD), PresentedAs.USERINFO)
    clock.move(SECOND)
    former.record_presented(_access_token(OLD), PresentedAs.USERINFO)
    former.record_presented(_access_token(OLD, "other"), PresentedAs.USERINFO)
    former.record_presented(_access_token(OLD), PresentedAs.INTROSPECTION)
    await former.write(cast(Any, database.begin))
    assert database.uses == [
        RetiredKeyUse("app", OLD.kid, PresentedAs.USERINFO, 2, NOON, NOON + SECOND),
        RetiredKeyUse("other", OLD.kid, PresentedAs.USERINFO, 1, NOON + SECOND, NOON + SECOND),
        RetiredKeyUse("app", OLD.kid, PresentedAs.INTROSPECTION, 1, NOON + SECOND, NOON + SECOND),
    ]
    assert await _counted(former) == []


async def test_an_id_token_hint_names_its_audience(former: RetiredKeys) -> None:
    claims: dict[str, Any] = {"iss": ISSUER, "sub": "u", "aud": "app", "iat": 1, "exp": 2}
    former.record_presented(sign_jwt(claims, OLD_RSA, typ="JWT"), PresentedAs.ID_TOKEN_HINT)
    former.record_presented(sign_jwt({**claims, "aud": ["first", "x"]}, OLD_RSA, typ="JWT"), PresentedAs.ID_TOKEN_HINT)
    assert [client for client, *_ in await _counted(former)] == ["app", "first"]


async def test_tokens_of_active_keys_are_not_counted(former: RetiredKeys) -> None:
    former.record_presented(_access_token(ACTIVE), PresentedAs.USERINFO)
    assert await _counted(former) == []


async def test_a_key_that_has_left_the_key_set_is_still_known(former: RetiredKeys) -> None:
    former.see(_public(ACTIVE), serving=[ACTIVE.kid])
    former.record_presented(_access_token(OLD), PresentedAs.USERINFO)
    assert await _counted(former) == [("app", OLD.kid, "userinfo", 1)]


async def test_forged_token_is_not_counted_as_retired_key_use(former: RetiredKeys) -> None:
    forged = SigningKey.from_pkcs8(OLD.kid, "ES256", OTHER_KEY.to_pkcs8())
    genuine = _access_token(OLD)
    head, payload, signature = genuine.split(".")
    for token in (
        _access_token(forged, "victim"),
        _access_token(OTHER_KEY, "victim"),
        f"{head}.{payload}.{signature[:-4]}AAAA",
        f"{head}.{payload}.",
        f"{head}..{signature}",
        head,
        "",
        "a.b.c",
        "é.é.é",
        "." * 9000,
        "A" * 9000,
        genuine + "x" * 9000,
    ):
        former.record_presented(token, PresentedAs.USERINFO)
    assert await _counted(former) == []


async def test_what_cannot_be_written_now_is_written_the_next_time(former: RetiredKeys) -> None:
    database = Database()
    database.away = True
    for _ in range(3):
        former.record_presented(_access_token(OLD), PresentedAs.USERINFO)
    with pytest.raises(TemporarilyUnavailable):
        await former.write(cast(Any, database.begin))
    former.record_presented(_access_token(OLD), PresentedAs.USERINFO)
    assert await _counted(former) == [("app", OLD.kid, "userinfo", 4)]
