"""Authorization codes against a simple model: right and wrong claims, replays and races, in whatever order."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from libs.oauth.errors import InvalidGrant, InvalidToken
from services.token.domain.tokens.grants import CODE_LIFETIME
from tests.storage.token.world import LIFETIMES, World, at_once
from tests.support.databases import Kind, fresh_database

MOMENTS = [timedelta(0), timedelta(seconds=1), CODE_LIFETIME / 2, CODE_LIFETIME, LIFETIMES.access_token]
WRONG_CLAIMS: dict[str, dict[str, str | None]] = {
    "REDIRECT_URI_MISMATCH": {"redirect_uri": "https://client.example/other"},
    "PKCE_MISMATCH": {"code_verifier": "w" * 43},
    "PKCE_DOWNGRADE": {"code_verifier": None},
}


@dataclass
class Model:
    """One code, as RFC 6749 4.1.2 tells of it."""

    code: str
    issued_at: datetime
    redeemed: bool = False
    revoked: bool = False
    replays: int = 0
    bought: list[tuple[str, datetime]] = field(default_factory=list)

    def expired(self, now: datetime) -> bool:
        """A redeemed code never expires: presenting it again is a replay."""
        return not self.redeemed and now >= self.issued_at + CODE_LIFETIME


class Code(RuleBasedStateMachine):
    def __init__(self, world: World, run: Any) -> None:
        super().__init__()
        self.world, self.run = world, run

    @initialize()
    def sign_in(self) -> None:
        self.client, self.other = self.run(self.world.client()), self.run(self.world.client())
        self.events_before = len(self.run(self.world.events("code.replayed")))
        self.model = Model(self.run(self.world.code(self.client)), self.world.clock.now())

    def _refused(self, attempt: Any) -> str:
        with pytest.raises(InvalidGrant) as refusal:
            self.run(attempt)
        return str(refusal.value.reason)

    @rule()
    def redeem(self) -> None:
        now = self.world.clock.now()
        attempt = self.world.exchange(self.client, self.model.code)
        if self.model.expired(now):
            assert self._refused(attempt) == "CODE_EXPIRED"
        elif self.model.revoked:
            assert self._refused(attempt) == "GRANT_REVOKED"
        elif self.model.redeemed:
            assert self._refused(attempt) == "CODE_REPLAYED"
            self.model.revoked, self.model.replays = True, self.model.replays + 1
        else:
            self.model.bought.append((self.run(attempt)["access_token"], now))
            self.model.redeemed = True

    @rule()
    def redeem_twice_at_once(self) -> None:
        """At most one request redeems the code; the others revoke its grant, because either may be an attacker."""
        now, model = self.world.clock.now(), self.model
        answers, refusals = self.run(at_once(*(self.world.exchange(self.client, model.code) for _ in range(2))))
        assert all(isinstance(refusal, InvalidGrant) for refusal in refusals)
        assert len(answers) == (0 if model.redeemed or model.expired(now) else 1)
        if model.expired(now):
            return
        if not model.revoked:
            model.replays = len(self.run(self.world.events("code.replayed"))) - self.events_before
            assert model.replays >= 1
        model.bought += [(answer["access_token"], now) for answer in answers]
        model.redeemed = model.revoked = True

    @rule(reason=st.sampled_from(sorted(WRONG_CLAIMS)))
    def redeem_wrongly(self, reason: str) -> None:
        """A mismatched request does not redeem the code and does not revoke the grant."""
        attempt = self.world.exchange(self.client, self.model.code, **WRONG_CLAIMS[reason])
        expired = self.model.expired(self.world.clock.now())
        assert self._refused(attempt) == ("CODE_EXPIRED" if expired else reason)

    @rule()
    def another_client_tries(self) -> None:
        assert self._refused(self.world.exchange(self.other, self.model.code)) == "CODE_OF_ANOTHER_CLIENT"

    @rule(by=st.sampled_from(MOMENTS))
    def wait(self, by: timedelta) -> None:
        self.world.clock.move(by)

    @invariant()
    def what_was_bought_is_good_until_a_replay(self) -> None:
        for token, at in self.model.bought:
            good = not self.model.revoked and self.world.clock.now() < at + LIFETIMES.access_token
            try:
                self.run(self.world.get_userinfo(token))
            except InvalidToken:
                assert not good
            else:
                assert good

    @invariant()
    def every_replay_emits_one_event(self) -> None:
        assert len(self.model.bought) <= 1
        assert len(self.run(self.world.events("code.replayed"))) - self.events_before == self.model.replays


@pytest.mark.s(12, 13, 14)
@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 25), ("postgresql", 8)])
def test_a_code_does_what_its_model_does(kind: Kind, examples: int, tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        opened = fresh_database(kind, service="token", folder=tmp_path)
        world = World(runner.run(opened.__aenter__()))
        try:
            run_state_machine_as_test(
                cast(Any, lambda: Code(world, runner.run)),
                settings=settings(max_examples=examples, stateful_step_count=12, deadline=None),
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))
