"""Stateful test: polls, decisions and redemptions of one device code in any order, from two replicas on a real database.

The model predicts the result of each call without SQL.
"""

import asyncio
import itertools
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from libs.oauth.errors import OAuthError
from tests.storage.device.world import LIFETIME, World
from tests.support.databases import fresh_database

REPLICAS = st.sampled_from([0, 1])
_numbers = itertools.count()


class DeviceCodeMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = TemporaryDirectory()
        self.opened = fresh_database("sqlite", service="device", folder=Path(self.folder.name))
        self.world = World(self.runner.run(self.opened.__aenter__()))
        self.replicas = [self.world.here, self.world.replica()]

    def teardown(self) -> None:
        self.runner.run(self.opened.__aexit__(None, None, None))
        self.runner.close()
        self.folder.cleanup()

    @initialize()
    def create_code(self) -> None:
        self.codes = self.runner.run(self.world.here.create(client_id=f"c_{next(_numbers)}"))
        self.client_id = self.runner.run(self.world.row()).client_id
        self.state = "pending"
        self.ends_at = self.world.clock.now() + LIFETIME
        self.interval = timedelta(seconds=5)
        self.last_polled_at: datetime | None = None
        self.wins = 0
        self.decisions = 0

    @rule(seconds=st.sampled_from([0, 1, 4, 5, 6, 11, 30, 250, 600]))
    def advance_clock(self, seconds: int) -> None:
        """Record the polls of both replicas first, as their timers do."""
        for replica in self.replicas:
            self.runner.run(replica.record())
        self.world.clock.move(timedelta(seconds=seconds))

    @rule(at=REPLICAS)
    def sweep(self, at: int) -> None:
        self.runner.run(self.replicas[at].sweep())

    @rule(at=REPLICAS)
    def own_client_polls(self, at: int) -> None:
        expected = self._expected_outcome()
        if expected == "authorization_pending":
            now = self.world.clock.now()
            if self.last_polled_at is not None and now - self.last_polled_at < self.interval * 0.9:
                expected = "slow_down"
                self.interval = min(self.interval + timedelta(seconds=5), timedelta(seconds=60))
            self.last_polled_at = now
        assert self._run(self.replicas[at].poll(self.codes, client_id=self.client_id)) == expected
        self.runner.run(self.replicas[at].record())

    @rule(at=REPLICAS)
    def other_client_polls_and_redeems(self, at: int) -> None:
        assert self._run(self.replicas[at].poll(self.codes, client_id="c_other")) == "invalid_grant"
        assert self._run(self.replicas[at].redeem(self.codes, client_id="c_other")) == "invalid_grant"

    @rule(at=REPLICAS)
    def own_client_redeems(self, at: int) -> None:
        expected = self._expected_outcome()
        assert self._run(self.replicas[at].redeem(self.codes, client_id=self.client_id)) == expected
        if expected == "done":
            self.state = "redeemed"
            self.wins += 1

    @rule()
    def own_client_redeems_at_both_replicas(self) -> None:
        expected = self._expected_outcome()
        outcomes = self.runner.run(self._both(lambda replica: replica.redeem(self.codes, client_id=self.client_id)))
        if expected == "done":
            assert sorted(outcomes) == ["done", "invalid_grant"]
            self.state = "redeemed"
            self.wins += 1
        else:
            assert outcomes == [expected, expected]

    @rule(at=REPLICAS, allow=st.booleans())
    def user_decides(self, at: int, *, allow: bool) -> None:
        expected = "done" if self._is_pending() else "invalid_request"
        outcome = self._run(self.replicas[at].decide(self.codes, allow=allow))
        if outcome != "temporarily_unavailable":  # too many attempts with an expired code
            assert outcome == expected
        if outcome == "done":
            self.state = "approved" if allow else "denied"
            self.decisions += 1

    @invariant()
    def each_event_is_emitted_at_most_once(self) -> None:
        if not hasattr(self, "state"):
            return
        emitted = self.runner.run(self.world.event_names())
        assert self.wins == emitted.count("device.redeemed") <= 1
        assert self.decisions == emitted.count("device.approved") + emitted.count("device.denied") <= 1
        assert emitted.count("device.expired") <= 1
        assert not (self.wins and emitted.count("device.expired"))

    def _is_pending(self) -> bool:
        return self.state == "pending" and self.world.clock.now() < self.ends_at

    def _expected_outcome(self) -> str:
        """Return the expected result for the client of the code, apart from slow_down."""
        if self._is_deleted():
            return "invalid_grant"
        if self.state in {"redeemed", "denied"}:
            return {"redeemed": "invalid_grant", "denied": "access_denied"}[self.state]
        if self.world.clock.now() >= self.ends_at:
            return "expired_token"
        return {"pending": "authorization_pending", "approved": "done"}[self.state]

    def _is_deleted(self) -> bool:
        return not self.runner.run(self.world.rows())

    def _run(self, asked) -> str:
        return self.runner.run(_outcome(asked))

    async def _both(self, ask) -> list[str]:
        return list(await asyncio.gather(*(_outcome(ask(replica)) for replica in self.replicas)))


async def _outcome(asked) -> str:
    try:
        await asked
    except OAuthError as error:
        return error.error
    return "done"


TestDeviceCodeMachine = DeviceCodeMachine.TestCase
TestDeviceCodeMachine.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
