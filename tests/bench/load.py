"""A load generator with little overhead: raw HTTP/1.1 over persistent connections, in its own process.

python -m tests.bench.load HOST PORT CONNECTIONS SECONDS < request
{"requests": 12345, "per_second": 2469.0, "p50_ms": 1.2, "p99_ms": 3.4, "failed": 0}
"""

import asyncio
import json
import sys
import time
from typing import Any

import uvloop


class _Connection(asyncio.Protocol):
    """Sends the same request again when the response is complete."""

    def __init__(self, request: bytes, deadline: float, latencies: list[float]) -> None:
        self._request = request
        self._deadline = deadline
        self._latencies = latencies
        self._buffer = b""
        self._sent_at = 0.0
        self.failed = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        length = int(lower[start:].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._buffer = b""
        now = time.perf_counter()
        self._latencies.append(now - self._sent_at)
        self.failed += not head.startswith(b"HTTP/1.1 200")
        if now < self._deadline:
            self._send()
        else:
            self._transport.close()
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.failed += 1
            self.done.set_result(None)


async def _run(host: str, port: int, connections: int, seconds: float, request: bytes) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    began = time.perf_counter()
    made = [
        (await loop.create_connection(lambda: _Connection(request, began + seconds, latencies), host, port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for connection in made))
    elapsed = time.perf_counter() - began
    latencies.sort()
    return {
        "requests": len(latencies),
        "per_second": round(len(latencies) / elapsed, 1),
        "p50_ms": round(latencies[len(latencies) // 2] * 1000, 2),
        "p99_ms": round(latencies[int(len(latencies) * 0.99)] * 1000, 2),
        "failed": sum(connection.failed for connection in made),
    }


if __name__ == "__main__":
    _host, _port, _connections, _seconds = sys.argv[1:5]
    result = uvloop.run(_run(_host, int(_port), int(_connections), float(_seconds), sys.stdin.buffer.read()))
    print(json.dumps(result))
