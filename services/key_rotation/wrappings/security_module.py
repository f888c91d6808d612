"""A key-encryption key in a security module, which it never leaves (PKCS#11; optional dependencies `hsm`).

Data keys are encrypted with AES-GCM; the binding is the associated data. The versions of the key are the secret keys
with the same label; CKA_ID is the version number.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar

from libs.crypto.errors import SealBroken
from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs

PKCS11: Final = "pkcs11"
_NONCE_BYTES: Final = 12
_TAG_BITS: Final = 128
_T = TypeVar("_T")
_log = logs.get(__name__)


@dataclass(frozen=True)
class TokenAddress:
    """Location of the key."""

    module: Path
    """Library of the vendor."""
    token: str
    """Label of the token."""
    key: str
    """Label of its secret keys."""
    pin: str = field(repr=False)


class SecurityModuleWrapping:
    """Implements the Wrapping port. A single thread uses the module, because its sessions are not thread-safe.

    Args:
        seals: the version that wraps; 0: the newest.
        seconds: timeout of a call.
    """

    name: Final = PKCS11

    def __init__(self, address: TokenAddress, *, seals: int, seconds: float) -> None:
        self._address = address
        self._pkcs11 = _library()
        self._seals = seals
        self._seconds = seconds
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pkcs11")
        self._session: Any = None
        self._keys: dict[int, Any] = {}

    async def close(self) -> None:
        """Close the session, unless the module does not respond in time."""
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            await asyncio.wait_for(loop.run_in_executor(self._thread, self._forget), self._seconds)
        self._thread.shutdown(wait=False)

    async def version(self) -> int:
        return await self._within_time(lambda: self._sealing()[0])

    async def wrap(self, data_key: bytes, *, bound_to: bytes) -> tuple[int, bytes]:
        return await self._within_time(lambda: self._wrap(data_key, bound_to))

    async def unwrap(self, wrapped: bytes, *, version: int, bound_to: bytes) -> bytes:
        return await self._within_time(lambda: self._unwrap(wrapped, version, bound_to))

    async def _within_time(self, work: Callable[[], _T]) -> _T:
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(loop.run_in_executor(self._thread, self._in_session, work), self._seconds)
        except TimeoutError:
            _log.warning("hsm.timeout", message="Security module did not respond in time", token=self._address.token)
            raise TemporarilyUnavailable(reason=Reason.KEK_UNREACHABLE, retry_after=5) from None

    def _in_session(self, work: Callable[[], _T]) -> _T:
        """Run `work` in the session. After an error the next call opens a new session."""
        try:
            if self._session is None:
                self._begin()
            return work()
        except self._pkcs11.exceptions.PKCS11Error as error:
            self._forget()
            cause = f"{type(error).__name__} {error}".strip()
            _log.error(
                "hsm.error",
                message="Security module returned an error",
                token=self._address.token,
                key=self._address.key,
                cause=cause,
            )
            raise TemporarilyUnavailable(reason=Reason.KEK_UNREACHABLE, retry_after=5) from None

    def _begin(self) -> None:
        pkcs11, address = self._pkcs11, self._address
        token = pkcs11.lib(str(address.module)).get_token(token_label=address.token)
        try:
            session = token.open(user_pin=address.pin)
        except pkcs11.exceptions.UserAlreadyLoggedIn:  # by an earlier session: the login is valid for the whole process
            session = token.open()
        template = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY, pkcs11.Attribute.LABEL: address.key}
        self._session = session
        self._keys = {int.from_bytes(key.id, "big"): key for key in session.get_objects(template)}
        for version, key in self._keys.items():
            if key[pkcs11.Attribute.EXTRACTABLE]:
                self._forget()
                _log.error(
                    "hsm.key_extractable",
                    message="Key in the security module is extractable and is not used",
                    key=address.key,
                    version=version,
                )
                raise TemporarilyUnavailable(reason=Reason.KEK_REFUSED, retry_after=60)

    def _forget(self) -> None:
        session, self._session, self._keys = self._session, None, {}
        if session is not None:
            with suppress(self._pkcs11.exceptions.PKCS11Error):
                session.close()

    def _sealing(self) -> tuple[int, Any]:
        version = self._seals or max(self._keys, default=0)
        if version not in self._keys:
            self._forget()  # the next call reads the keys again
            _log.error(
                "hsm.key_missing",
                message="Key not found in the security module",
                key=self._address.key,
                version=version,
            )
            raise TemporarilyUnavailable(reason=Reason.KEK_REFUSED, retry_after=5)
        return version, self._keys[version]

    def _wrap(self, data_key: bytes, bound_to: bytes) -> tuple[int, bytes]:
        version, key = self._sealing()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return version, nonce + key.encrypt(data_key, **self._parameters(nonce, bound_to))

    def _unwrap(self, wrapped: bytes, version: int, bound_to: bytes) -> bytes:
        key = self._keys.get(version)
        if key is None:
            raise SealBroken(f"encrypted under version {version} of the key, which is not in the security module")
        nonce, ciphertext = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        if len(nonce) < _NONCE_BYTES:
            raise SealBroken("not the output of a security module")
        try:
            return bytes(key.decrypt(ciphertext, **self._parameters(nonce, bound_to)))
        except self._pkcs11.exceptions.PKCS11Error as error:
            # Modules use different errors for a wrong tag. If the module still encrypts, the data was wrong.
            self._wrap(bytes(32), bound_to)
            raise SealBroken(f"the security module cannot decrypt it: {type(error).__name__}") from None

    def _parameters(self, nonce: bytes, bound_to: bytes) -> dict[str, Any]:
        return {
            "mechanism": self._pkcs11.Mechanism.AES_GCM,
            "mechanism_param": self._pkcs11.GCMParams(nonce, bound_to, _TAG_BITS),
        }


def _library() -> ModuleType:
    """Raises OSError without the optional dependencies."""
    try:
        import pkcs11  # noqa: PLC0415
        import pkcs11.exceptions  # noqa: PLC0415
    except ImportError:
        raise OSError("LATCHKEY_KEY_WRAPPING=pkcs11 requires the optional dependencies hsm (python-pkcs11)") from None
    return pkcs11
