"""Applications that verify tokens with other libraries, and cache the key set for exactly its max-age.

An unknown key does not cause an earlier fetch.
"""

import asyncio
import json
import re
import shutil
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, cast

import httpx2
import jwt as pyjwt
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from tests.support.npm_packages import NODE, installed

with warnings.catch_warnings(action="ignore"):  # it recommends joserfc, which is another verifier here
    from authlib.jose import JsonWebToken
    from authlib.jose.errors import JoseError as AuthlibError

ALGS = ["ES256", "RS256"]
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Library(Protocol):
    name: str

    async def judge(self, token: str, jwks: dict[str, Any], *, issuer: str, now: int) -> str:
        """Returns an empty string when the token is valid at `now` (seconds since 1970), otherwise the reason."""


class Joserfc:
    name = "joserfc"

    async def judge(self, token: str, jwks: dict[str, Any], *, issuer: str, now: int) -> str:
        try:
            claims = jwt.decode(token, KeySet.import_key_set(cast(Any, jwks)), algorithms=ALGS).claims
            JWTClaimsRegistry(now=now, iss={"essential": True, "value": issuer}, exp={"essential": True}).validate(
                claims
            )
        except (JoseError, ValueError) as refusal:
            return f"{type(refusal).__name__}: {refusal}"
        return ""


class PyJwt:
    name = "PyJWT"

    async def judge(self, token: str, jwks: dict[str, Any], *, issuer: str, now: int) -> str:
        """PyJWT reads only the system clock, so the expiry is checked here."""
        try:
            key = pyjwt.PyJWKSet.from_dict(jwks)[pyjwt.get_unverified_header(token)["kid"]]
            options: Any = {"require": ["exp", "iss"], "verify_exp": False, "verify_iat": False, "verify_aud": False}
            claims = pyjwt.decode(token, key, algorithms=ALGS, issuer=issuer, options=options)
        except (pyjwt.PyJWTError, KeyError) as refusal:
            return f"{type(refusal).__name__}: {refusal}"
        return "" if now < claims["exp"] else "it has expired"


class Authlib:
    name = "Authlib"

    async def judge(self, token: str, jwks: dict[str, Any], *, issuer: str, now: int) -> str:
        options = {"iss": {"essential": True, "value": issuer}, "exp": {"essential": True}}
        try:
            JsonWebToken(ALGS).decode(token, jwks, claims_options=options).validate(now=now)
        except (AuthlibError, ValueError) as refusal:
            return f"{type(refusal).__name__}: {refusal}"
        return ""


class Jose:
    """jose from npm, in a Node.js process that runs until `close`."""

    name = "jose (npm)"

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def started(cls, folder: Path) -> "Jose":
        """Raises PackagesUnavailableError."""
        packages = installed()
        shutil.copy(NODE / "verify.mjs", folder)
        (folder / "node_modules").symlink_to(packages / "node_modules")
        driver = str(folder / "verify.mjs")
        pipe = subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec("node", driver, stdin=pipe, stdout=pipe))

    async def judge(self, token: str, jwks: dict[str, Any], *, issuer: str, now: int) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = {"token": token, "jwks": jwks, "issuer": issuer, "algorithms": ALGS, "now": now}
        self._process.stdin.write(json.dumps(line).encode() + b"\n")
        answer = (await self._process.stdout.readline()).decode().strip()
        return "" if answer == "good" else answer or "it has ended"

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


@dataclass
class Verifier:
    library: Library
    issuer: str
    now: Callable[[], datetime]
    jwks: dict[str, Any] | None = None
    good_until: datetime = _LONG_AGO
    fetched: int = 0

    async def refuses(self, token: str, http: httpx2.AsyncClient) -> str:
        """The reason of a refusal; empty when the token is accepted now."""
        if self.jwks is None or self.now() >= self.good_until:
            await self._fetch(http)
        assert self.jwks is not None
        return await self.library.judge(token, self.jwks, issuer=self.issuer, now=int(self.now().timestamp()))

    async def _fetch(self, http: httpx2.AsyncClient) -> None:
        asked_at = self.now()
        answer = await http.get(f"{self.issuer}/jwks")
        if answer.status_code != 200 and self.jwks is not None:
            return  # an edge with an outdated key set responds with an error; the cached copy is used until the next fetch
        while answer.status_code != 200:
            asked_at, answer = self.now(), await http.get(f"{self.issuer}/jwks")
        found = re.search(r"max-age=(\d+)", answer.headers["Cache-Control"])
        assert found
        self.jwks, self.good_until = answer.json(), asked_at + timedelta(seconds=int(found[1]))
        self.fetched += 1
