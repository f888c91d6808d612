"""Authentication of key-rotation to Vault or OpenBao."""

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
_RENEW_AFTER: Final = 2 / 3
"""Share of its lifetime after which a token is replaced."""


class VaultLogin(Protocol):
    async def token(self, *, instead_of: str = "") -> str:
        """Return a valid token, if possible another one than `instead_of`, which was refused.

        Raises TemporarilyUnavailable: KEK_UNREACHABLE, KEK_FORBIDDEN.
        """


class TokenFile:
    """Implements the VaultLogin port: an agent writes the token and renews it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def token(self, *, instead_of: str = "") -> str:
        return await _read(self._path, what="token")


class KubernetesLogin:
    """Implements the VaultLogin port: exchanges the service account token of the pod for a Vault token.

    Args:
        url: login URL, for example https://vault:8200/v1/auth/kubernetes/login.
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
                self._token, self._good_until = auth["client_token"], now + auth["lease_duration"] * _RENEW_AFTER
            return self._token

    async def _log_in(self) -> dict[str, Any]:
        jwt = await _read(self._jwt, what="service account token")
        status, answer = await post(self._http, self._url, {"role": self._role, "jwt": jwt}, headers={})
        auth = answer.get("auth") if isinstance(answer, dict) else None
        if status == 200 and isinstance(auth, dict) and isinstance(auth.get("client_token"), str):
            lease = auth.get("lease_duration")
            return {"client_token": auth["client_token"], "lease_duration": lease if isinstance(lease, int) else 0}
        _log.error("vault.login_refused", message="Vault refused the login", role=self._role, status=status)
        raise TemporarilyUnavailable(
            reason=Reason.KEK_FORBIDDEN if status in {400, 403} else Reason.KEK_UNREACHABLE, retry_after=5
        )


async def _read(path: Path, *, what: str) -> str:
    try:
        text = (await asyncio.to_thread(path.read_text, encoding="ascii")).strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    if len(text.split()) != 1:
        _log.error("vault.credentials_missing", message="No Vault credentials configured", what=what, file=str(path))
        raise TemporarilyUnavailable(reason=Reason.KEK_FORBIDDEN, retry_after=5)
    return text
