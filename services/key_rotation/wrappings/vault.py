"""A key-encryption key in the transit engine of HashiCorp Vault or OpenBao, which it never leaves.

What a data key is bound to goes along twice: as associated data, and as the context of a key with `derived=true`, for
which the engine derives another one from each; other keys take no notice of it. `rewrap` of the engine knows no
associated data, so a data key is opened and wrapped again instead.
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
    """The Wrapping port.

    Args:
        http: with the timeout and the authorities that hold for this server.
        url: of the server, without a path.
        mount: of the transit engine.
        key: name of the key there.
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
        """Found by wrapping something: no right to read about the key is needed."""
        return self._seals or (await self.wrap(_PROBE, bound_to=_PROBE))[0]

    async def wrap(self, data_key: bytes, *, bound_to: bytes) -> tuple[int, bytes]:
        question = {"plaintext": _base64(data_key), **_bound(bound_to)}
        if self._seals:
            question["key_version"] = self._seals
        status, answer = await self._ask("encrypt", question)
        if status != 200:
            raise self._refused("encrypt", status, answer)
        wrapped = _text(answer, "ciphertext")
        return _version_of(wrapped), wrapped.encode()

    async def unwrap(self, wrapped: bytes, *, version: int, bound_to: bytes) -> bytes:
        text = wrapped.decode("ascii", errors="replace")
        if _version_of(text) != version:
            raise SealBroken("wrapped under another version of the key than its row says")
        status, answer = await self._ask("decrypt", {"ciphertext": text, **_bound(bound_to)})
        if status == 400:  # the engine's word for what it cannot open, and for a version that it was told to forget
            raise SealBroken(f"the transit engine does not open it: {_errors(answer)}")
        if status != 200:
            raise self._refused("decrypt", status, answer)
        try:
            return base64.b64decode(_text(answer, "plaintext"), validate=True)
        except binascii.Error:
            raise SealBroken("the transit engine answered with something else") from None

    async def _ask(self, verb: str, question: dict[str, Any]) -> tuple[int, Any]:
        """Status and body. Once more with a new token when this one is refused: they end, and are taken away."""
        url = f"{self._engine}/{verb}/{self._key}"
        token = await self._login.token()
        status, answer = await self._post(url, question, token)
        if status == 403:
            renewed = await self._login.token(instead_of=token)
            if renewed != token:
                return await self._post(url, question, renewed)
        return status, answer

    async def _post(self, url: str, question: dict[str, Any], token: str) -> tuple[int, Any]:
        return await post(self._http, url, question, headers={"X-Vault-Token": token})

    def _refused(self, verb: str, status: int, answer: Any) -> TemporarilyUnavailable:
        reason = (
            Reason.KEK_FORBIDDEN if status == 403 else Reason.KEK_REFUSED if status < 429 else Reason.KEK_UNREACHABLE
        )
        _log.error(
            "The transit engine refuses", verb=verb, key=self._key, status=status, errors=_errors(answer), reason=reason
        )
        return TemporarilyUnavailable(reason=reason, retry_after=5)


def _bound(bound_to: bytes) -> dict[str, Any]:
    return {"context": _base64(bound_to), "associated_data": _base64(bound_to)}


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _text(answer: Any, member: str) -> str:
    data = answer.get("data") if isinstance(answer, dict) else None
    value = data.get(member) if isinstance(data, dict) else None
    if not isinstance(value, str):
        _log.error("The vault answers with something else", lacks=member)
        raise TemporarilyUnavailable(reason=Reason.KEK_REFUSED, retry_after=5)
    return value


def _version_of(wrapped: str) -> int:
    found = _VERSION.match(wrapped)
    if found is None:
        raise SealBroken("nothing that a transit engine wraps")
    return int(found[1])


def _errors(answer: Any) -> str:
    """What it says, which never holds what it was given."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    return " ".join("; ".join(map(str, errors)).split())[:200] if isinstance(errors, list) else ""
