"""A stand-in for the transit engine and Kubernetes login of OpenBao and HashiCorp Vault, over real HTTP.

Neither server is available as a test dependency. Paths, members, statuses and messages follow OpenBao's source (transit:
path_encrypt.go, path_decrypt.go; its policy for keys) and the API documents of both.
"""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ROLE, ACCOUNT = "latchkey", "service-account-token"
_PREFIX = "vault:v"


class RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class TransitKey:
    derived: bool = False
    knows_associated_data: bool = True
    """False: an old server without support for associated data, which ignores unknown members."""
    versions: list[bytes] = field(default_factory=lambda: [secrets.token_bytes(32)])
    oldest: int = 1
    """min_decryption_version."""

    def rotate(self) -> None:
        self.versions.append(secrets.token_bytes(32))

    def cipher(self, version: int, asked: dict[str, Any]) -> AESGCM:
        key = self.versions[version - 1]
        if self.derived:
            if not asked.get("context"):
                raise RefusedError(400, "missing 'context' for key derivation; the key was created using a derived key")
            key = HKDF(hashes.SHA256(), 32, None, base64.b64decode(asked["context"])).derive(key)
        return AESGCM(key)

    def associated(self, asked: dict[str, Any]) -> bytes:
        return base64.b64decode(asked.get("associated_data", "")) if self.knows_associated_data else b""


@dataclass
class Vault:
    url: str = ""
    keys: dict[str, TransitKey] = field(default_factory=lambda: {"latchkey": TransitKey()})
    tokens: set[str] = field(default_factory=lambda: {"root"})
    sealed: bool = False
    hangs: bool = False
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    """Path, body and headers of every request."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append((request.path, body, dict(request.headers)))
        if self.hangs:
            await self.goes_on.wait()
        try:
            return web.json_response({"request_id": "1", "lease_duration": 0, **self._answer(request, body)})
        except RefusedError as refusal:
            return web.json_response({"errors": [str(refusal)]}, status=refusal.status)

    def _answer(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        if self.sealed:
            raise RefusedError(503, "Vault is sealed")
        if request.path == "/v1/auth/kubernetes/login":
            return {"auth": self._log_in(body)}
        return {"data": self._transit(request, body)}

    def _log_in(self, body: dict[str, Any]) -> dict[str, Any]:
        if body != {"role": ROLE, "jwt": ACCOUNT}:
            raise RefusedError(403, "permission denied")
        token = secrets.token_hex(8)
        self.tokens.add(token)
        return {"client_token": token, "lease_duration": 3600, "renewable": True}

    def _transit(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        if request.headers.get("X-Vault-Token") not in self.tokens:
            raise RefusedError(403, "permission denied")
        _, _, mount, verb, name = request.path.split("/", 4)
        if mount != "transit" or verb not in {"encrypt", "decrypt"}:
            raise RefusedError(404, f'no handler for route "{mount}/{verb}/{name}". route entry not found.')
        key = self.keys.get(name)
        if key is None:
            raise RefusedError(400, "encryption key not found")
        return _encrypt(key, body) if verb == "encrypt" else _decrypt(key, body)


def _encrypt(key: TransitKey, asked: dict[str, Any]) -> dict[str, Any]:
    version = asked.get("key_version") or len(key.versions)
    if version > len(key.versions):
        raise RefusedError(400, "requested version for encryption is higher than the latest key version")
    nonce = secrets.token_bytes(12)
    plaintext = base64.b64decode(asked["plaintext"], validate=True)
    sealed = key.cipher(version, asked).encrypt(nonce, plaintext, key.associated(asked))
    return {"ciphertext": f"{_PREFIX}{version}:{base64.b64encode(nonce + sealed).decode()}", "key_version": version}


def _decrypt(key: TransitKey, asked: dict[str, Any]) -> dict[str, Any]:
    text = asked["ciphertext"]
    if not text.startswith(_PREFIX):
        raise RefusedError(400, "invalid ciphertext: no prefix")
    number, _, encoded = text.removeprefix(_PREFIX).partition(":")
    if int(number) > len(key.versions):
        raise RefusedError(400, "invalid ciphertext: version is too new")
    if int(number) < key.oldest:
        raise RefusedError(400, "ciphertext or signature version is disallowed by policy (too old)")
    try:
        sealed = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise RefusedError(400, "invalid ciphertext: could not decode base64") from None
    try:
        plaintext = key.cipher(int(number), asked).decrypt(sealed[:12], sealed[12:], key.associated(asked))
    except (InvalidTag, ValueError):
        raise RefusedError(400, "cipher: message authentication failed") from None
    return {"plaintext": base64.b64encode(plaintext).decode()}


@asynccontextmanager
async def running_vault() -> AsyncIterator[Vault]:
    vault = Vault()
    app = web.Application()
    app.router.add_post("/{path:.*}", vault.answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    vault.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield vault
    finally:
        vault.goes_on.set()
        await runner.cleanup()
