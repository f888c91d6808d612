"""A service of one edge, one RPC and one task, for looking at the process around it: `python -m` this module.

SMALL_SERVICE says how it behaves; on standard output it says what it is doing; SIGUSR1 lets its slow answers go.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from latchkey.keys.v1 import keys_pb2, keys_pb2_grpc
from libs.servicekit.base.service import CheckResult, Registration, Service
from libs.servicekit.base.settings import GrpcSettings, HttpEdgeSettings
from libs.servicekit.process.lifecycle import main

BEHAVIOUR = os.environ.get("SMALL_SERVICE", "")


class SmallSettings(GrpcSettings, HttpEdgeSettings):
    """Nothing of its own."""


def say(what: str) -> None:
    print(what, flush=True)  # noqa: T201 - the test reads it


class Keys(keys_pb2_grpc.VerificationKeyServiceServicer):
    def __init__(self, released: asyncio.Event) -> None:
        self._released = released

    async def ListVerificationKeys(self, request: Any, context: Any) -> Any:  # noqa: N802
        say("rpc began")
        await self._released.wait()
        return keys_pb2.ListVerificationKeysResponse()


async def task() -> None:
    if BEHAVIOUR == "a task fails":
        raise RuntimeError("the task is broken")
    if BEHAVIOUR == "a task ends":
        return
    say("task began")
    try:
        await asyncio.Event().wait()
    finally:
        say("task ended")


@asynccontextmanager
async def build(settings: SmallSettings) -> AsyncIterator[Service]:
    if BEHAVIOUR == "it cannot start":
        raise OSError("something that it needs is missing")
    if BEHAVIOUR == "it has a mistake":
        raise ValueError("a mistake")
    released = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, released.set)

    async def slow(_request: web.Request) -> web.Response:
        say("request began")
        await released.wait()
        return web.Response(text="finished")

    async def check() -> CheckResult:
        return CheckResult(ok=True)

    edge = web.Application()
    edge.add_routes([web.get("/slow", slow)])
    descriptor = keys_pb2.DESCRIPTOR.services_by_name["VerificationKeyService"]
    add = keys_pb2_grpc.add_VerificationKeyServiceServicer_to_server
    try:
        yield Service(
            servicers=(Registration(add, Keys(released), descriptor),),
            edge=edge,
            tasks={"small task": task},
            checks={"something": check},
        )
    finally:
        say("closed")


if __name__ == "__main__":
    main("token", SmallSettings, build)
