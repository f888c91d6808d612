"""A family of refresh tokens against a simple model: whatever is done to it, in whatever order."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from libs.oauth.errors import InvalidGrant, InvalidToken
from services.token.domain.tokens.refresh_families import RefreshToken
from tests.storage.token.world import LIFETIMES, World
from tests.support.databases import Kind, fresh_database
from tests.unit.token.parts import read_token

IDLE, ABSOLUTE, GRACE = LIFETIMES.refresh_idle, LIFETIMES.refresh_absolute, LIFETIMES.refresh_grace
MOMENTS = [
    timedelta(0),
    timedelta(seconds=1),
    GRACE,
    timedelta(minutes=9),
    timedelta(days=1),
    IDLE - timedelta(days=1),
    IDLE,
]


@dataclass
class Model:
    """The model of the refresh token family."""

    tokens: list[str]
    rotated_at: datetime
    idle_until: datetime
    ends_at: datetime
    revoked: str = ""
    reuses: int = 0

    def use(self, position: int, now: datetime) -> str:
        """The reason of the refusal; empty when there are new tokens."""
        if self.revoked:
            return "GRANT_REVOKED"
        if now >= min(self.idle_until, self.ends_at):
            return "REFRESH_TOKEN_EXPIRED"
        age = len(self.tokens) - 1 - position
        if age == 0:
            self.rotated_at, self.idle_until = now, now + IDLE
            return ""
        if age == 1 and now - self.rotated_at <= GRACE:
            return ""
        self.revoked, self.reuses = "refresh_token_reused", self.reuses + 1
        return "REFRESH_TOKEN_REUSED"


class Family(RuleBasedStateMachine):
    def __init__(self, world: World, run: Any) -> None:
        super().__init__()
        self.world, self.run = world, run

    @initialize()
    def sign_in(self) -> None:
        self.client = self.run(self.world.client())
        first = self.run(self.world.tokens(self.client))
        now = self.world.clock.now()
        self.model = Model([first["refresh_token"]], now, now + IDLE, now + ABSOLUTE)
        self.access_token, self.issued_at = first["access_token"], now
        self.grant_id = str(read_token(self.access_token, "ES256").claims["grant_id"])

    def _use(self, position: int) -> None:
        user_allowed = self.model.use(position, now := self.world.clock.now())
        attempt = self.world.refresh(self.client, self.model.tokens[position])
        if user_allowed:
            with pytest.raises(InvalidGrant) as refusal:
                self.run(attempt)
            assert refusal.value.reason == user_allowed
            return
        answer = self.run(attempt)
        if position == len(self.model.tokens) - 1:
            assert answer["refresh_token"] not in self.model.tokens
            self.model.tokens.append(answer["refresh_token"])
        else:
            assert answer["refresh_token"] == self.model.tokens[position + 1]
        self.access_token, self.issued_at = answer["access_token"], now

    @rule()
    def use_the_latest(self) -> None:
        self._use(len(self.model.tokens) - 1)

    @precondition(lambda self: len(self.model.tokens) > 1)
    @rule()
    def use_the_predecessor(self) -> None:
        self._use(len(self.model.tokens) - 2)

    @precondition(lambda self: len(self.model.tokens) > 2)
    @rule(data=st.data())
    def use_an_old_one(self, data: st.DataObject) -> None:
        self._use(data.draw(st.integers(0, len(self.model.tokens) - 3)))

    @rule(generation=st.integers(0, 6))
    def use_a_forged_one(self, generation: int) -> None:
        genuine = RefreshToken.parse(self.model.tokens[0])
        forged = str(RefreshToken(genuine.family_id, generation, secrets.token_bytes(32)))
        with pytest.raises(InvalidGrant) as refusal:
            self.run(self.world.refresh(self.client, forged))
        assert refusal.value.reason == ("GRANT_REVOKED" if self.model.revoked else "REFRESH_TOKEN_UNKNOWN")

    @rule(by=st.sampled_from(MOMENTS))
    def wait(self, by: timedelta) -> None:
        self.world.clock.move(by)

    @precondition(lambda self: not self.model.revoked)
    @rule()
    def revoke(self) -> None:
        async def end() -> None:
            async with self.world.work() as work:
                await work.grants.revoke(self.grant_id, reason="client_deleted", now=self.world.clock.now())

        self.run(end())
        self.model.revoked = "client_deleted"

    @invariant()
    def the_grant_is_as_the_model_says(self) -> None:
        [grant] = [row for row in self.run(self.world.rows("grants")) if row["grant_id"] == self.grant_id]
        assert (grant["revoked_reason"] or "") == self.model.revoked

    @invariant()
    def the_last_access_token_is_good_while_the_grant_is(self) -> None:
        good = not self.model.revoked and self.world.clock.now() < self.issued_at + LIFETIMES.access_token
        try:
            self.run(self.world.get_userinfo(self.access_token))
        except InvalidToken:
            assert not good
        else:
            assert good

    def teardown(self) -> None:
        emitted = self.run(self.world.events("token.reuse_detected"))
        assert len([event for event in emitted if event["data"]["grant_id"] == self.grant_id]) == self.model.reuses


@pytest.mark.s(21, 22, 23, 24)
@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 30), ("postgresql", 8)])
def test_a_family_does_what_its_model_does(kind: Kind, examples: int, tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        opened = fresh_database(kind, service="token", folder=tmp_path)
        world = World(runner.run(opened.__aenter__()))
        try:
            run_state_machine_as_test(
                cast(Any, lambda: Family(world, runner.run)),
                settings=settings(max_examples=examples, stateful_step_count=20, deadline=None),
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))
