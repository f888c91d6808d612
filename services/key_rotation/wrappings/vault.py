"""A key-encryption key in the transit engine of HashiCorp Vault or OpenBao, which it never leaves.

The binding is sent twice: as associated data, and as context, which keys with `derived=true` use and other keys ignore.
The `rewrap` operation of the engine does not support associated data, so data keys are decrypted and encrypted again.
"""

import base64
import binascii
import re
from typing import Any, Final

import aiohttp

from libs.crypto.errors import SealBroken
from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs
from services.key_rotation.wrappings.vault_http import post
from services.key_rotation.wrappings.vault_login import VaultLogin

VAULT: Final = "vault"
_VERSION: Final = re.compile(r"vault:v([1-9][0-9]{0,8}):")
_PROBE: Final = b"latchkey: which version wraps?"
_log = logs.get(__name__)


class VaultWrapping:
    """Implements the Wrapping port.

    Args:
        http: client with the timeout and certificate authorities of this server.
        url: base URL of the server, without a path.
        mount: mount path of the transit engine.
        key: name of the key.
        seals: the version that wraps; 0: the newest.
    """

    name: Final = VAULT

    def __init__(
        self, http: aiohttp.ClientSession, login: VaultLogin, *, url: str, mount: str, key: str, seals: int
    ) -> None:
        self._http = http
        self._login = login
        self._engine = f"{url}/v1/{mount}"
        self._key = key
        self._seals = seals

    async def version(self) -> int:
        """Find the version by encrypting a constant, so that no permission to read the key is needed."""
        return self._seals or (await self.wrap(_PROBE, bound_to=_PROBE))[0]

    async def wrap(self, data_key: bytes, *, bound_to: bytes) -> tuple[int, bytes]:
        body = {"plaintext": _base64(data_key), **_bound(bound_to)}
        if self._seals:
            body["key_version"] = self._seals
        status, response = await self._request("encrypt", body)
        if status != 200:
            raise self._refused("encrypt", status, response)
        wrapped = _text(response, "ciphertext")
        return _version_of(wrapped), wrapped.encode()

    async def unwrap(self, wrapped: bytes, *, version: int, bound_to: bytes) -> bytes:
        text = wrapped.decode("ascii", errors="replace")
        if _version_of(text) != version:
            raise SealBroken("encrypted under another version of the key than stored in the row")
        status, response = await self._request("decrypt", {"ciphertext": text, **_bound(bound_to)})
        if status == 400:  # wrong data, or a version that the engine does not decrypt any more
            raise SealBroken(f"the transit engine cannot decrypt it: {_errors(response)}")
        if status != 200:
            raise self._refused("decrypt", status, response)
        try:
            return base64.b64decode(_text(response, "plaintext"), validate=True)
        except binascii.Error:
            raise SealBroken("the response of the transit engine is malformed") from None

    async def _request(self, verb: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Send a request and return status and body. Retry once with a new token if this one is refused."""
        url = f"{self._engine}/{verb}/{self._key}"
        token = await self._login.token()
        status, response = await self._post(url, body, token)
        if status == 403:
            renewed = await self._login.token(instead_of=token)
            if renewed != token:
                return await self._post(url, body, renewed)
        return status, response

    async def _post(self, url: str, body: dict[str, Any], token: str) -> tuple[int, Any]:
        return await post(self._http, url, body, headers={"X-Vault-Token": token})

    def _refused(self, verb: str, status: int, response: Any) -> TemporarilyUnavailable:
        reason = (
            Reason.KEK_FORBIDDEN if status == 403 else Reason.KEK_REFUSED if status < 429 else Reason.KEK_UNREACHABLE
        )
        _log.error(
            "vault.request_refused",
            message="Vault transit engine refused a request",
            verb=verb,
            key=self._key,
            status=status,
            errors=_errors(response),
            reason=reason,
        )
        return TemporarilyUnavailable(reason=reason, retry_after=5)


def _bound(bound_to: bytes) -> dict[str, Any]:
    return {"context": _base64(bound_to), "associated_data": _base64(bound_to)}


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _text(response: Any, member: str) -> str:
    data = response.get("data") if isinstance(response, dict) else None
    value = data.get(member) if isinstance(data, dict) else None
    if not isinstance(value, str):
        _log.error("vault.response_malformed", message="Vault response is malformed", missing=member)
        raise TemporarilyUnavailable(reason=Reason.KEK_REFUSED, retry_after=5)
    return value


def _version_of(wrapped: str) -> int:
    found = _VERSION.match(wrapped)
    if found is None:
        raise SealBroken("not the output of a transit engine")
    return int(found[1])


def _errors(response: Any) -> str:
    """Return the error messages of the response. They do not contain the request."""
    errors = response.get("errors") if isinstance(response, dict) else None
    return " ".join("; ".join(map(str, errors)).split())[:200] if isinstance(errors, list) else ""
