"""Requests to Vault or OpenBao, with limits on time and size, without redirects."""

import json
from typing import Any, Final

import aiohttp

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs

_MAX_BYTES: Final = 64 * 1024
_log = logs.get(__name__)


async def post(
    http: aiohttp.ClientSession, url: str, body: dict[str, Any], *, headers: dict[str, str]
) -> tuple[int, Any]:
    """Return status and parsed JSON of the response (None if it is not JSON).

    Raises TemporarilyUnavailable (KEK_UNREACHABLE).
    """
    try:
        for may_retry in (True, False):
            try:
                async with http.post(url, json=body, headers=headers, allow_redirects=False) as response:
                    return response.status, _json(await _body(response))
            except aiohttp.ServerDisconnectedError:  # the server closed an idle connection; nothing was sent
                if not may_retry:
                    raise
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        _log.warning("vault.unreachable", message="Vault did not respond", cause=type(error).__name__)
    raise TemporarilyUnavailable(reason=Reason.KEK_UNREACHABLE, retry_after=5)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_chunked(8192):
        body += chunk
        if len(body) > _MAX_BYTES:
            raise aiohttp.ClientPayloadError("response too large")
    return body


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
