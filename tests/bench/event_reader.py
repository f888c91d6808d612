"""`python -m tests.bench.event_reader URL` reads the stream in its own process, as a subscriber does.

Prints `ready`, then, when standard input ends, the arrival time of each subject's event in seconds of the monotonic clock,
which all processes of the machine share.
"""

import asyncio
import json
import sys
import time

import nats
import uvloop
from nats.aio.msg import Msg


async def _read(url: str) -> None:
    came: dict[str, float] = {}

    async def take(message: Msg) -> None:
        came[json.loads(message.data)["subject"]] = time.perf_counter()

    client = await nats.connect(url)
    await client.jetstream().subscribe("latchkey.v1.>", stream="LATCHKEY_EVENTS", cb=take, ordered_consumer=True)
    print("ready", flush=True)
    counting = asyncio.create_task(_count(came))
    await asyncio.to_thread(sys.stdin.read)
    counting.cancel()
    await client.close()
    print(json.dumps(came), flush=True)


async def _count(came: dict[str, float]) -> None:
    """Prints the number of received events every 100 ms."""
    while True:
        await asyncio.sleep(0.1)
        print(len(came), flush=True)


if __name__ == "__main__":
    uvloop.run(_read(sys.argv[1]))
