"""A password buys tokens, for clients that are registered for it, on both databases (RFC 6749 4.3)."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from libs.oauth.errors import (
    InvalidClientMetadata,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    TemporarilyUnavailable,
    UnauthorizedClient,
)
from libs.oauth.reasons import Reason
from services.token.domain.authorization.interaction import Step
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.usecases.tokens.grants.password import PasswordGrant
from tests.storage.token.world import CHAIN_KEY, LIFETIMES, Registered, World, asked
from tests.unit.token.parts import ALICE, BOB, a_session, read_token

pytestmark = pytest.mark.s(17)


@dataclass
class SignIns:
    """The SignIns port: one user with one password."""

    session: AuthenticatedSession = field(default_factory=a_session)
    tries: list[tuple[str, str, str, str]] = field(default_factory=list)

    async def through_client(
        self, username: str, password: str, *, client_id: str, correlation_id: str
    ) -> AuthenticatedSession:
        self.tries.append((username, password, client_id, correlation_id))
        if (username, password) != ("alice", "alice-password"):
            raise InvalidGrant(reason=Reason.WRONG_CREDENTIALS)
        return self.session


@pytest.fixture
def sign_ins(world: World) -> SignIns:
    sign_ins = SignIns()
    handler = PasswordGrant(
        begin=world.work, view=world.work.reading, sign_ins=sign_ins, chain_key=CHAIN_KEY, lifetimes=LIFETIMES
    )
    world.issue_tokens = replace(world.issue_tokens, grants={**world.issue_tokens.grants, "password": handler})
    return sign_ins


async def an_app(world: World, **members: Any) -> Registered:
    return await world.client(
        grant_types=["password", "refresh_token"],
        response_types=[],
        redirect_uris=[],
        **{"scope": "openid notes offline_access", **members},
    )


async def ask(world: World, app: Registered, **changes: str | None) -> dict[str, Any]:
    whole: dict[str, str | None] = {"grant_type": "password", "username": "alice", "password": "alice-password"}
    return await world.token(app, **{**whole, "scope": "openid notes", **changes})


async def test_the_right_password_buys_tokens_that_hang_on_the_session(world: World, sign_ins: SignIns) -> None:
    app = await an_app(world)
    answer = await ask(world, app)
    assert {"access_token", "id_token", "refresh_token"} <= answer.keys()
    assert answer["scope"] == "openid notes"
    (grant,) = await world.rows("grants")
    assert (grant["user_id"], grant["session_id"], grant["offline"]) == (ALICE, sign_ins.session.session_id, False)
    assert (await world.refresh(app, answer["refresh_token"]))["scope"] == "openid notes"
    world.users.users[ALICE].session_live = False
    with pytest.raises(InvalidGrant) as refusal:
        await ask(world, app)
    assert refusal.value.reason == "SESSION_ENDED"
    assert "alice-password" not in await world.all_kept()


async def test_everything_that_follows_has_one_correlation(world: World, sign_ins: SignIns) -> None:
    app = await an_app(world)
    await ask(world, app)
    ((_, _, client_id, correlation_id),) = sign_ins.tries
    assert client_id == app.client_id
    (issued,) = await world.events("token.issued")
    assert (issued["correlationid"], issued["data"]["grant_type"]) == (correlation_id, "password")


async def test_a_wrong_password_leaves_nothing_behind(world: World, sign_ins: SignIns) -> None:
    app = await an_app(world)
    with pytest.raises(InvalidGrant) as refusal:
        await ask(world, app, password="guess")
    assert refusal.value.reason == "WRONG_CREDENTIALS"
    assert await world.rows("grants") == []


@pytest.mark.parametrize("missing", ["username", "password"])
async def test_both_are_needed(world: World, sign_ins: SignIns, missing: str) -> None:
    with pytest.raises(InvalidRequest, match=f"{missing} is missing"):
        await ask(world, await an_app(world), **{missing: None})
    assert sign_ins.tries == []


async def test_a_client_that_is_not_registered_for_it_does_not_even_try(world: World, sign_ins: SignIns) -> None:
    with pytest.raises(UnauthorizedClient):
        await ask(world, await world.client())
    assert sign_ins.tries == []


@pytest.mark.s(20)
async def test_a_public_client_is_never_registered_for_it(world: World) -> None:
    with pytest.raises(InvalidClientMetadata) as refusal:
        await an_app(world, token_endpoint_auth_method="none")
    assert refusal.value.reason == "METADATA_PUBLIC_PASSWORD"


@pytest.mark.s(36)
async def test_a_scope_that_was_not_registered_is_not_tried_for(world: World, sign_ins: SignIns) -> None:
    with pytest.raises(InvalidScope):
        await ask(world, await an_app(world), scope="openid admin")
    assert sign_ins.tries == []


@pytest.mark.s(36, 56)
async def test_consent_counts_here_as_well(world: World, sign_ins: SignIns) -> None:
    app = await world.client(
        grant_types=["authorization_code", "password"], consent="required", scope="openid notes printers"
    )
    with pytest.raises(InvalidGrant) as refusal:
        await ask(world, app)
    assert refusal.value.reason == "CONSENT_MISSING"
    request_id = asked(await world.ask(app, sign_ins.session, scope="openid notes"), Step.CONSENT)
    await world.back(request_id, sign_ins.session, allow=True)
    assert (await ask(world, app))["scope"] == "openid notes"
    with pytest.raises(InvalidGrant):
        await ask(world, app, scope="openid notes printers")


@pytest.mark.s(36)
async def test_disabled_user_gets_no_tokens(world: World, sign_ins: SignIns) -> None:
    world.users.users[ALICE].active = False
    with pytest.raises(InvalidGrant) as refusal:
        await ask(world, await an_app(world))
    assert refusal.value.reason == "ACCOUNT_DISABLED"
    assert await world.rows("grants") == []


@pytest.mark.s(66)
async def test_nothing_is_kept_without_a_key(world: World, sign_ins: SignIns) -> None:
    world.keys.missing = {"ES256"}
    with pytest.raises(TemporarilyUnavailable):
        await ask(world, await an_app(world))
    assert await world.rows("grants") == []


async def test_offline_access_outlives_the_session(world: World, sign_ins: SignIns) -> None:
    app = await an_app(world)
    answer = await ask(world, app, scope="openid offline_access")
    world.users.users[ALICE].session_live = False
    assert await world.refresh(app, answer["refresh_token"])


async def test_tokens_belong_to_the_user_of_the_session(world: World, sign_ins: SignIns) -> None:
    sign_ins.session = replace(sign_ins.session, user_id=BOB)
    await ask(world, await an_app(world))
    (grant,) = await world.rows("grants")
    assert grant["user_id"] == BOB


@pytest.mark.s(25, 36, 56)
async def test_a_resource_is_registered_consented_to_and_kept(world: World, sign_ins: SignIns) -> None:
    """RFC 8707."""
    app = await an_app(world, resources=["urn:x:api"])
    with pytest.raises(InvalidTarget):
        await ask(world, app, resource="urn:x:other")
    assert sign_ins.tries == []
    tokens = await ask(world, app, resource="urn:x:api")
    refreshed = await world.refresh(app, tokens["refresh_token"], scope="notes")
    for answer in (tokens, refreshed):
        assert read_token(answer["access_token"], "ES256").claims["aud"] == "urn:x:api"

    await world.update_client(app.client_id, {"consent": "required"})
    async with world.work() as work:
        await work.consents.remember(
            user_id=ALICE, client_id=app.client_id, scopes=("openid", "notes"), resources=(), now=world.clock.now()
        )
    await ask(world, app)
    with pytest.raises(InvalidGrant) as refusal:
        await ask(world, app, resource="urn:x:api")
    assert refusal.value.reason == "CONSENT_MISSING"
