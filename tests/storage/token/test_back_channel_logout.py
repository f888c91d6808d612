"""The end of a session revokes its grants and sends one logout token to each client, retried until it is accepted."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from libs.crypto.jwt import verify_jwt
from libs.crypto.token_kinds import LOGOUT_TOKEN
from libs.fetch.errors import FetchRefused, Reason
from libs.servicekit.events.consumer import Received
from services.token.adapters.session_events import SessionEvents
from services.token.domain.sessions.logout import LEASE, LogoutDelivery, Outcome
from services.token.usecases.sessions.deliver_logout import DeliverLogout
from services.token.usecases.sessions.end_session import EndAccount, EndOfflineGrants, EndSession
from services.token.usecases.tokens import revoke_in_batches
from services.token.usecases.tokens.mint_tokens import MintTokens
from tests.storage.token.world import LIFETIMES, Registered, World, at_once, new_session_id
from tests.unit.token.parts import ALICE, ISSUER, MINUTE, a_session, read_token

LISTENS: Mapping[str, Any] = {"backchannel_logout_uri": "https://client.example/logout"}
EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Outside:
    """The Post port: clients that answer with these statuses (None: not at all), the last one for ever."""

    def __init__(self, *statuses: int | None) -> None:
        self.statuses = list(statuses) or [200]
        self.received: list[tuple[str, Mapping[str, str]]] = []

    async def post_form(self, url: str, fields: Mapping[str, str]) -> int:
        self.received.append((url, fields))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status is None:
            raise FetchRefused(Reason.UNREACHABLE)
        return status


class Replica:
    """The parts of one process that have to do with logout."""

    def __init__(self, world: World, outside: Outside) -> None:
        self.queued = 0
        mint = MintTokens(
            issuer=ISSUER,
            keys=world.keys,
            subjects=world.subjects,
            access_token_alg="ES256",
            id_token_lifetime=LIFETIMES.id_token,
        )
        self.deliver = DeliverLogout(
            begin=world.work, mint=mint, post=outside, clients=world.clients, clock=world.clock
        )
        self.events = SessionEvents(
            end_session=EndSession(begin=world.work, clock=world.clock),
            end_account=EndAccount(begin=world.work, clock=world.clock),
            end_offline=EndOfflineGrants(begin=world.work, clock=world.clock),
            clock=world.clock,
            queued=self._count,
        )

    def _count(self) -> None:
        self.queued += 1

    async def receives_session_ended(
        self, session_id: str, *, event_id: str = "e-1", reason: str = "REASON_SIGNED_OUT"
    ) -> None:
        data = {"session_id": session_id, "user_id": ALICE, "reason": reason}
        await self.events.on_session_ended(Received(event_id, "latchkey.session.ended.v1", ALICE, data))

    async def tries(self) -> list[Any]:
        return [await self.deliver(delivery) for delivery in await self.deliver.claim(limit=100)]


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
def replica(world: World, outside: Outside) -> Replica:
    return Replica(world, outside)


async def signed_in(world: World, session_id: str, **members: Any) -> Registered:
    client = await world.client(**{**LISTENS, **members})
    await world.code(client, a_session(session_id=session_id))
    return client


async def deliveries(world: World) -> list[tuple[str, str, str | None]]:
    rows = await world.rows("logout_deliveries")
    return sorted((row["session_id"], row["client_id"], row["outcome"]) for row in rows)


@pytest.mark.s(42)
async def test_each_client_with_a_logout_uri_gets_one_delivery(world: World, replica: Replica) -> None:
    here, there = new_session_id(), new_session_id()
    first, second = await signed_in(world, here), await signed_in(world, here)
    await world.code(first, a_session(session_id=here))
    await signed_in(world, there)
    deaf = await world.client()
    await world.code(deaf, a_session(session_id=here))
    await world.code(await world.client(**LISTENS), a_session(session_id=here), scope="notes")  # no sign-in: no openid
    await replica.receives_session_ended(here)
    assert await deliveries(world) == sorted((here, client.client_id, None) for client in (first, second))
    assert replica.queued == 1
    await replica.receives_session_ended(here)
    await replica.receives_session_ended(here, event_id="e-2")
    assert len(await deliveries(world)) == 2
    assert replica.queued == 1


async def test_logout_is_delivered_to_client_whose_tokens_have_expired(world: World, replica: Replica) -> None:
    session_id = new_session_id()
    client = await signed_in(world, session_id)
    world.clock.move(timedelta(days=13))
    from services.token.store.purge import Purge  # noqa: PLC0415 - this test alone

    await Purge(world.database, clock=world.clock)()
    assert await world.rows("grants") == []
    await replica.receives_session_ended(session_id)
    assert await deliveries(world) == [(session_id, client.client_id, None)]


@pytest.mark.s(24)
async def test_online_grants_end_with_a_reason_and_offline_ones_stay(world: World, replica: Replica) -> None:
    session_id = new_session_id()
    client = await world.client()
    await world.tokens(client, session=a_session(session_id=session_id))
    await world.tokens(client, session=a_session(session_id=session_id), scope="openid offline_access")
    await replica.receives_session_ended(session_id, reason="REASON_PASSWORD_CHANGED")
    grants = await world.rows("grants")
    assert sorted((row["offline"], row["revoked_reason"]) for row in grants) == [
        (False, "password_changed"),
        (True, None),
    ]
    (event,) = await world.events("token.revoked")
    assert event["data"]["reason"] == "REASON_PASSWORD_CHANGED"
    await replica.receives_session_ended(session_id, event_id="e-2")
    assert len(await world.events("token.revoked")) == 1


async def test_grants_beyond_one_transaction_end_as_well(
    world: World, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revoke_in_batches, "GRANTS_AT_ONCE", 2)
    session_id = new_session_id()
    client = await signed_in(world, session_id)
    for _ in range(3):
        await world.code(client, a_session(session_id=session_id))
    await replica.receives_session_ended(session_id)
    assert len(await world.events("token.revoked")) == 4
    assert len(await deliveries(world)) == 1


async def test_a_disabled_account_loses_offline_grants_too(world: World, replica: Replica) -> None:
    client = await world.client()
    await world.tokens(client, scope="openid offline_access")
    event = Received("e-1", "latchkey.account.disabled.v1", ALICE, {"user_id": ALICE})
    for _ in range(2):
        await replica.events.on_account_disabled(event)
    (emitted,) = await world.events("token.revoked")
    assert emitted["data"]["reason"] == "REASON_ACCOUNT_DISABLED"


@pytest.mark.s(24)
async def test_a_changed_password_ends_what_outlives_sessions_and_nothing_that_came_after(
    world: World, replica: Replica
) -> None:
    client = await world.client()
    await world.tokens(client, scope="openid offline_access")
    await world.tokens(client, scope="openid")
    world.clock.move(timedelta(seconds=1))
    changed_at = world.clock.now()
    world.clock.move(timedelta(seconds=1))
    await world.tokens(client, scope="openid offline_access")
    event = Received("e-1", "latchkey.password.changed.v1", ALICE, {"user_id": ALICE}, time=changed_at.isoformat())
    for _ in range(2):
        await replica.events.on_password_changed(event)
    grants = [
        (row["offline"], row["created_at"] < changed_at, row["revoked_reason"]) for row in await world.rows("grants")
    ]
    assert sorted(grants, key=str) == [
        (False, True, None),
        (True, False, None),
        (True, True, "password_changed"),
    ]
    (emitted,) = await world.events("token.revoked")
    assert emitted["data"]["reason"] == "REASON_PASSWORD_CHANGED"


@pytest.mark.s(24)
async def test_a_changed_password_of_unknown_time_ends_all_that_outlives_sessions(
    world: World, replica: Replica
) -> None:
    await world.tokens(await world.client(), scope="openid offline_access")
    world.clock.move(timedelta(seconds=1))
    await replica.events.on_password_changed(Received("e-1", "latchkey.password.changed.v1", ALICE, {"user_id": ALICE}))
    assert [row["revoked_reason"] for row in await world.rows("grants")] == ["password_changed"]


async def test_who_has_deleted_their_account_leaves_neither_grants_nor_consents(world: World, replica: Replica) -> None:
    client = await world.client()
    await world.tokens(client, scope="openid offline_access")
    async with world.work() as work:
        for user in (ALICE, "another"):
            await work.consents.remember(
                user_id=user,
                client_id=client.client_id,
                scopes=("openid",),
                resources=("https://a.example",),
                now=world.clock.now(),
            )
    async with world.work() as work:
        exported = await work.exports.of_user(ALICE)
    assert (len(exported["grants"]), len(exported["resource_consents"])) == (1, 1)
    assert "hash" not in str(exported)
    event = Received("e-1", "latchkey.account.deleted.v1", ALICE, {"user_id": ALICE})
    for _ in range(2):
        await replica.events.on_account_deleted(event)
    (emitted,) = await world.events("token.revoked")
    assert emitted["data"]["reason"] == "REASON_ACCOUNT_DELETED"
    async with world.work() as work:
        assert await work.consents.of_user(ALICE) == []
        assert len(await work.consents.of_user("another")) == 1


async def test_replicas_that_handle_one_event_at_once_queue_it_once(world: World, outside: Outside) -> None:
    session_id = new_session_id()
    client = await signed_in(world, session_id)
    replicas = [Replica(world, outside) for _ in range(8)]
    _, failures = await at_once(*(each.receives_session_ended(session_id) for each in replicas))
    assert failures == []
    assert await deliveries(world) == [(session_id, client.client_id, None)]
    assert sum(each.queued for each in replicas) == 1
    assert len(await world.events("token.revoked")) == 1


@pytest.mark.s(28, 42)
@pytest.mark.parametrize("alg", ["RS256", "ES256"])
async def test_the_logout_token_says_what_the_standard_wants(
    world: World, replica: Replica, outside: Outside, alg: str
) -> None:
    session_id = new_session_id()
    client = await signed_in(world, session_id, id_token_signed_response_alg=alg)
    await replica.receives_session_ended(session_id)
    assert await replica.tries() == [Outcome.DELIVERED]
    ((url, fields),) = outside.received
    assert url == LISTENS["backchannel_logout_uri"]
    assert fields.keys() == {"logout_token"}
    token = read_token(fields["logout_token"], alg)
    assert token.header["typ"] == "logout+jwt"
    now = int(world.clock.now().timestamp())
    jti = token.claims["jti"]
    assert token.claims == {
        "iss": ISSUER,
        "aud": client.client_id,
        "iat": now,
        "exp": now + 120,
        "jti": jti,
        "events": {EVENT: {}},
        "sub": ALICE,
        "sid": session_id,
    }
    verify_jwt(
        fields["logout_token"],
        world.keys.verification,
        kind=LOGOUT_TOKEN,
        issuer=ISSUER,
        audience=client.client_id,
        now=world.clock.now(),
    )


@pytest.mark.s(42)
async def test_it_is_tried_again_less_and_less_often_for_a_day(world: World) -> None:
    outside = Outside(None, 500, 404, 302, None)
    replica = Replica(world, outside)
    session_id = new_session_id()
    await signed_in(world, session_id)
    await replica.receives_session_ended(session_id)
    began = world.clock.now()
    pauses: list[float] = []
    while True:
        (result,) = await replica.tries()
        if isinstance(result, Outcome):
            break
        pauses.append((result - world.clock.now()).total_seconds())
        world.clock.move(result - world.clock.now() - timedelta(seconds=1))
        assert await replica.tries() == []
        world.clock.move(timedelta(seconds=1))
    assert result is Outcome.GIVEN_UP
    assert pauses[:4] == [5, 15, 45, 135]
    assert pauses == sorted(pauses)
    assert timedelta(hours=18) < world.clock.now() - began <= timedelta(days=1)
    tokens = [read_token(fields["logout_token"], "RS256").claims["jti"] for _, fields in outside.received]
    assert len(set(tokens)) == len(tokens) == len(pauses) + 1
    world.clock.move(timedelta(days=2))
    assert await replica.tries() == []


@pytest.mark.s(42)
@pytest.mark.parametrize(("status", "outcome"), [(200, "delivered"), (204, "delivered"), (400, "refused")])
async def test_an_answer_that_counts_ends_it(world: World, status: int, outcome: str) -> None:
    outside = Outside(status)
    replica = Replica(world, outside)
    session_id = new_session_id()
    client = await signed_in(world, session_id)
    await replica.receives_session_ended(session_id)
    assert [str(result) for result in await replica.tries()] == [outcome]
    world.clock.move(timedelta(hours=20))
    assert await replica.tries() == []
    assert len(outside.received) == 1
    assert await deliveries(world) == [(session_id, client.client_id, outcome)]
    await world.purge_everything()
    assert [await world.rows(name) for name in ("logout_deliveries", "inbox", "session_clients")] == [[], [], []]


async def test_replicas_that_look_at_once_deliver_each_once(world: World, outside: Outside) -> None:
    session_id = new_session_id()
    for _ in range(6):
        await signed_in(world, session_id)
    replicas = [Replica(world, outside) for _ in range(4)]
    await replicas[0].receives_session_ended(session_id)
    _, failures = await at_once(*(each.tries() for each in replicas))
    assert failures == []
    assert len(outside.received) == 6
    assert {outcome for *_, outcome in await deliveries(world)} == {"delivered"}


async def test_what_a_replica_claimed_and_did_not_finish_is_delivered_by_another(
    world: World, outside: Outside
) -> None:
    session_id = new_session_id()
    await signed_in(world, session_id)
    died, other = Replica(world, outside), Replica(world, outside)
    await died.receives_session_ended(session_id)
    (claimed,) = await died.deliver.claim(limit=10)
    assert await other.tries() == []
    world.clock.move(LEASE)
    assert await other.tries() == [Outcome.DELIVERED]
    late: LogoutDelivery = claimed
    async with world.work() as work:  # the first one wakes up after all: its word no longer counts
        assert not await work.logout_deliveries.postpone(late, until=world.clock.now())
    world.clock.move(MINUTE)
    assert await other.tries() == []


@pytest.mark.parametrize("because", ["deleted", "deaf"])
async def test_a_client_that_no_longer_listens_is_left_alone(
    world: World, replica: Replica, outside: Outside, because: str
) -> None:
    session_id = new_session_id()
    client = await signed_in(world, session_id)
    await replica.receives_session_ended(session_id)
    if because == "deleted":
        await world.delete_client(client.client_id)
    else:
        await world.update_client(client.client_id, {"backchannel_logout_uri": None})
    assert await replica.tries() == [Outcome.CLIENT_GONE]
    assert outside.received == []


async def test_without_a_key_it_waits(world: World, replica: Replica, outside: Outside) -> None:
    session_id = new_session_id()
    await signed_in(world, session_id)
    await replica.receives_session_ended(session_id)
    world.keys.missing = {"RS256"}
    (result,) = await replica.tries()
    assert outside.received == []
    world.keys.missing = set()
    world.clock.move(result - world.clock.now())
    assert await replica.tries() == [Outcome.DELIVERED]
