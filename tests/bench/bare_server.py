"""The baseline for the token service: an aiohttp handler that does only the same cryptography."""

import asyncio
import sys
from datetime import UTC, datetime

import uvloop
from aiohttp import web

from libs.crypto.hashing import hashes_equal, keyed_hash
from libs.crypto.jwt import SigningKey, sign_jwt
from libs.crypto.random import uuid7

_KEY = SigningKey.generate("ES256")
_PEPPER = b"p" * 32
_DIGEST = keyed_hash(_PEPPER, "secret")


async def _token(request: web.Request) -> web.Response:
    await request.post()
    hashes_equal(_DIGEST, keyed_hash(_PEPPER, "secret"))
    now = datetime.now(UTC)
    claims = {
        "iss": "http://localhost",
        "aud": "http://localhost",
        "sub": "client",
        "client_id": "client",
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + 600,
        "jti": uuid7(now),
        "scope": "orders:read",
    }
    token = sign_jwt(claims, _KEY, typ="at+jwt")
    return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": 600})


async def _serve(port: int) -> None:
    app = web.Application()
    app.add_routes([web.post("/token", _token)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
