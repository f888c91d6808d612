"""How key-rotation proves to Vault or OpenBao who it is."""

import asyncio
from pathlib import Path
from typing import Any, Final, Protocol

import aiohttp

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock
from services.key_rotation.wrappings.vault_http import post

_log = logs.get(__name__)
_USED_UP: Final = 2 / 3
"""Of its life: a token is replaced before it ends."""


class VaultLogin(Protocol):
    async def token(self, *, instead_of: str = "") -> str:
        """A token that serves; not `instead_of`, which was refused, if another can be had.

        Raises TemporarilyUnavailable: KEK_UNREACHABLE, KEK_FORBIDDEN.
        """


class TokenFile:
    """The VaultLogin port: an agent writes the token, and writes a new one in time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def token(self, *, instead_of: str = "") -> str:
        return await _read(self._path, what="token")


class KubernetesLogin:
    """The VaultLogin port: the pod's service account token for a token of its role.

    Args:
        url: of the login, for example https://vault:8200/v1/auth/kubernetes/login.
    """

    def __init__(self, http: aiohttp.ClientSession, *, url: str, role: str, jwt: Path, clock: Clock) -> None:
        self._http = http
        self._url = url
        self._role = role
        self._jwt = jwt
        self._clock = clock
        self._token = ""
        self._good_until = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def token(self, *, instead_of: str = "") -> str:
        async with self._one_at_a_time:
            now = self._clock.now().timestamp()
            if not self._token or self._token == instead_of or now >= self._good_until:
                auth = await self._log_in()
                self._token, self._good_until = auth["client_token"], now + auth["lease_duration"] * _USED_UP
            return self._token

    async def _log_in(self) -> dict[str, Any]:
        jwt = await _read(self._jwt, what="service account token")
        status, answer = await post(self._http, self._url, {"role": self._role, "jwt": jwt}, headers={})
        auth = answer.get("auth") if isinstance(answer, dict) else None
        if status == 200 and isinstance(auth, dict) and isinstance(auth.get("client_token"), str):
            lease = auth.get("lease_duration")
            return {"client_token": auth["client_token"], "lease_duration": lease if isinstance(lease, int) else 0}
        _log.error("The vault does not let us in", role=self._role, status=status)
        raise TemporarilyUnavailable(
            reason=Reason.KEK_FORBIDDEN if status in {400, 403} else Reason.KEK_UNREACHABLE, retry_after=5
        )


async def _read(path: Path, *, what: str) -> str:
    try:
        text = (await asyncio.to_thread(path.read_text, encoding="ascii")).strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    if len(text.split()) != 1:
        _log.error("There is nothing to prove to the vault who we are with", what=what, file=str(path))
        raise TemporarilyUnavailable(reason=Reason.KEK_FORBIDDEN, retry_after=5)
    return text
