"""`make bench`: sign-ins per second of the authentication service, compared with argon2id alone on the same cores.

The test prints figures and asserts no limits, because they depend on the machine and its load.
"""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from latchkey.authentication.v1.sessions_pb2 import RequestContext, SignInRequest
from latchkey.authentication.v1.sessions_pb2_grpc import SessionServiceStub
from libs.crypto.passwords import hash_password, verify_password
from tests.flows.users import new_user
from tests.support.stack import Stack

SECONDS = 5
CONNECTIONS = 16
USERS = 32
ROUNDS = 3


def _hashes_per_second() -> float:
    """Hashes with as many workers as the service has: one for each core."""
    stored, workers = hash_password("a password"), os.cpu_count() or 1
    until = time.perf_counter() + SECONDS

    def work(_number: int) -> int:
        done = 0
        while time.perf_counter() < until:
            assert verify_password(stored, "a password")
            done += 1
        return done

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(work, range(workers))) / SECONDS


async def _sign_ins_per_second(stack: Stack, names: list[str]) -> float:
    done = 0
    async with stack.channel("authentication", identity="authorize-frontend") as channel:
        sessions = SessionServiceStub(channel)
        until = time.perf_counter() + SECONDS

        async def work(number: int) -> None:
            nonlocal done
            while time.perf_counter() < until:
                name = names[(number + done) % len(names)]
                context = RequestContext(remote_address=f"203.0.113.{number}")
                answer = await sessions.SignIn(
                    SignInRequest(username=name, password=f"{name}-password", context=context)
                )
                assert answer.session_secret
                done += 1

        await asyncio.gather(*map(work, range(CONNECTIONS)))
    return done / SECONDS


@pytest.mark.timeout(300)
async def test_sign_in_rate_compared_with_argon2id(stack: Stack) -> None:
    names = [(await new_user(stack))[0] for _ in range(USERS)]
    for _ in range(ROUNDS):
        bare = await asyncio.to_thread(_hashes_per_second)
        ours = await _sign_ins_per_second(stack, names)
        print(f"\nargon2id {bare:.1f}/s\nsign-ins {ours:.1f}/s\nratio    {ours / bare:.2f}")
