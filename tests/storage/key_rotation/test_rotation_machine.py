"""Stateful test: key rotation never makes a valid token unverifiable, with any delays, crashes and clock errors.

Every clock may be wrong by five minutes in either direction and may jump within this range at any time.
"""

import asyncio
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from libs.crypto.jwt import SigningKey
from libs.crypto.token_kinds import MAX_SKEW
from services.key_rotation.domain.keys import PUBLISHED, Key, KeyState, RevocationReason
from services.key_rotation.domain.rotation_policy import CLOCK_ERROR
from tests.storage.key_rotation.cached_queries import CachedQuery
from tests.storage.key_rotation.replicas import Replica
from tests.storage.key_rotation.rotation_world import ALG, ERRORS, FLOOR, MINUTE, POLICY, Deployment
from tests.support.databases import fresh_database

pytestmark = pytest.mark.timeout(400)
SECOND = timedelta(seconds=1)
ROTATORS = st.integers(0, 1)
CACHED = 2 * POLICY.jwks_max_age
"""How long a copy of a published key set may be used: in a shared cache and in a client behind it."""

KEPT = CACHED + POLICY.publication_max_age + 2 * CLOCK_ERROR
"""How long a replaced key set may be used, including an edge with the largest clock error."""


class RotationMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.run = self.runner.run
        self.folder = TemporaryDirectory()
        self.opened = fresh_database("sqlite", service="key-rotation", folder=Path(self.folder.name))
        self.world = Deployment(self.run(self.opened.__aenter__()))
        self.operator = Replica(self.world.database, policy=POLICY)
        self.patch = pytest.MonkeyPatch()
        # Every process parses the keys, and parsing an RSA key is slow.
        self.patch.setattr(SigningKey, "from_pkcs8", cache(SigningKey.from_pkcs8))
        self.list_keys = CachedQuery(self.operator.list_keys, self.world.commits)
        self.stored: dict[str, Key] = {}

    def teardown(self) -> None:
        self.patch.undo()
        for process in self.world.processes:
            self.run(process.crash())
        try:
            self._deployment_recovers()
        finally:
            self.run(self.opened.__aexit__(None, None, None))
            self.runner.close()
            self.folder.cleanup()

    @initialize()
    def the_first_start(self) -> None:
        self.run(self.world.start())
        self._check()

    @rule(which=ROTATORS)
    def a_rotator_goes_on_to_its_next_gate(self, which: int) -> None:
        self.run(self.world.rotators[which].step())
        self._check()

    @rule(which=ROTATORS)
    def a_rotator_does_a_whole_step(self, which: int) -> None:
        self.run(self.world.rotators[which].finish())
        self._check()

    @rule(which=ROTATORS)
    def a_rotator_dies(self, which: int) -> None:
        self.run(self.world.rotators[which].crash())
        self._check()

    @rule(which=st.integers(0, 4), error=st.sampled_from(ERRORS))
    def an_edge_or_a_token_replica_refreshes(self, which: int, error: timedelta) -> None:
        """With any clock error. `_check` considers the worst error at every step."""
        process = (*self.world.edges, *self.world.signers)[which]
        process.clock.error = error
        self.run(process.step())
        self._check()

    @rule(which=ROTATORS, error=st.sampled_from(ERRORS))
    def the_clock_of_a_rotator_jumps(self, which: int, error: timedelta) -> None:
        self.world.rotators[which].clock.error = error

    @rule(by=st.sampled_from([SECOND, MINUTE, 3 * MINUTE, 10 * MINUTE, FLOOR]))
    def time_goes_by(self, by: timedelta) -> None:
        self.world.move(self.world.truth.now + by)
        self._check()

    @rule(turn=st.sampled_from(["activates_at", "retires_at"]), error=st.sampled_from(ERRORS))
    def time_goes_by_until_some_clock_says_that_something_is_due(self, turn: str, error: timedelta) -> None:
        clock = self.world.truth.now + error
        moments = [getattr(key, turn) for key in self.stored.values() if key.alg in ALG]
        ahead = [moment - clock for moment in moments if moment is not None and moment > clock]
        if ahead:
            self.world.move(self.world.truth.now + min(ahead))
            self._check()

    @rule(which=ROTATORS, turn=st.sampled_from(["activates_at", "retires_at"]), error=st.sampled_from(ERRORS))
    def a_rotator_does_what_has_come_due_as_soon_as_its_clock_says_so(
        self, which: int, turn: str, error: timedelta
    ) -> None:
        self.time_goes_by_until_some_clock_says_that_something_is_due(turn, error)
        self.world.rotators[which].clock.error = error
        self.a_rotator_does_a_whole_step(which)

    @precondition(lambda self: len(self.world.revoked) < 2)
    @rule(state=st.sampled_from([KeyState.ACTIVE, KeyState.NEXT, KeyState.RETIRING]))
    def an_operator_revokes_a_key(self, state: KeyState) -> None:
        found = [key for key in self.stored.values() if key.state is state and key.alg in ALG]
        if found:
            # The operator's request runs on a replica with its own clock.
            self.operator.revoke.clock = self.world.rotators[0].clock
            self.operator.advance.clock = self.operator.ensure.clock = self.world.rotators[0].clock
            self.run(self.operator.revoke(found[0].kid, reason=RevocationReason.COMPROMISED))
            self.world.revoked[found[0].kid] = self.world.truth.now
            self._check()

    @rule()
    def an_operator_brings_a_turn_forward(self) -> None:
        self.operator.rotate.clock = self.operator.advance.clock = self.world.rotators[1].clock
        self.operator.ensure.clock = self.world.rotators[1].clock
        self.run(self.operator.rotate(ALG[0]))
        self._check()

    def _check(self) -> None:
        """Check the invariants. At every step every replica may sign a token."""
        self.stored = {key.kid: key for key in self.run(self.list_keys())}
        own = [key.state for key in self.stored.values() if key.alg in ALG]
        assert own.count(KeyState.ACTIVE) <= 1
        assert own.count(KeyState.NEXT) <= 1
        for key in self.stored.values():
            assert (key.private is not None) == (key.state in {KeyState.NEXT, KeyState.ACTIVE})
        self.world.list(frozenset(kid for kid, key in self.stored.items() if key.state in PUBLISHED and key.alg in ALG))
        for edge in self.world.edges:
            edge.note(self.world.truth.now)
        tokens = set()
        for replica in self.world.prompt:
            self.run(replica.finish())
            tokens |= replica.sign()
        for replica in self.world.signers:
            tokens |= replica.sign_at_worst()
        for kid in {token.kid for token in tokens}:
            self._every_cache_contains(kid)
        self.world.tokens |= tokens
        self._every_valid_token_can_be_verified()
        self._no_revoked_key_is_published_too_long()

    def _every_cache_contains(self, kid: str) -> None:
        """Check every copy of the key set that may still be used, from every edge."""
        now = self.world.truth.now
        if kid in self.world.revoked:
            assert not self._longer(self.world.revoked[kid], POLICY.view_max_age)
            return
        for edge in self.world.edges:
            edge.published = [(until, kids) for until, kids in edge.published if until > now - CACHED]
            for until, kids in edge.published:
                assert kid in kids, f"{kid} signs, and {now - until} ago an edge did not publish it"
        for until, kids in self.world.listed:
            assert until <= now - KEPT or kid in kids, f"{kid} signs, and {now - until} ago it was not there"

    def _every_valid_token_can_be_verified(self) -> None:
        """The verifier's clock may be behind, and it may accept tokens for MAX_SKEW longer."""
        now = self.world.truth.now
        self.world.tokens = {token for token in self.world.tokens if now < token.expires_at + MAX_SKEW + CLOCK_ERROR}
        for kid in {token.kid for token in self.world.tokens} - self.world.revoked.keys():
            assert self.stored[kid].state in PUBLISHED, f"a token outlives its key {kid}"
            assert all(edge.kids is None or kid in edge.kids for edge in self.world.edges)

    def _no_revoked_key_is_published_too_long(self) -> None:
        for kid, since in self.world.revoked.items():
            assert self.stored[kid].state is KeyState.REVOKED
            if self._longer(since, POLICY.publication_max_age):
                assert all(kid not in (edge.kids or ()) for edge in self.world.edges)

    def _longer(self, since: datetime, duration: timedelta) -> bool:
        """Return True if the duration has passed by every clock, including one that jumped by twice its error."""
        return self.world.truth.now > since + duration + 2 * CLOCK_ERROR

    def _deployment_recovers(self) -> None:
        """After all faults end, every replica signs again."""
        for process in (*self.world.rotators, *self.world.edges, *self.world.signers):
            process.clock.error = timedelta(0)
        for _ in range(2):
            for _ in range(3):
                self.a_rotator_does_a_whole_step(0)
            self.time_goes_by(FLOOR + 2 * CLOCK_ERROR)
        self.a_rotator_does_a_whole_step(0)
        for process in (*self.world.edges, *self.world.signers):
            self.run(process.finish())
        self._check()
        assert all(replica.sign() for replica in self.world.signers)


TestRotationMachine = RotationMachine.TestCase
TestRotationMachine.settings = settings(
    max_examples=20,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking a failure takes longer than the test timeout.
    phases=[phase for phase in Phase if phase is not Phase.shrink],
)
