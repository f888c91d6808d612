"""One request to Vault or OpenBao: bounded in time and size, without redirects."""

import json
from typing import Any, Final

import aiohttp

from libs.oauth.errors import TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs

_MOST_BYTES: Final = 64 * 1024
_log = logs.get(__name__)


async def post(
    http: aiohttp.ClientSession, url: str, question: dict[str, Any], *, headers: dict[str, str]
) -> tuple[int, Any]:
    """Status and JSON (None for what is none) of an answer. Raises TemporarilyUnavailable (KEK_UNREACHABLE)."""
    try:
        for patience in (True, False):
            try:
                async with http.post(url, json=question, headers=headers, allow_redirects=False) as response:
                    return response.status, _json(await _body(response))
            except aiohttp.ServerDisconnectedError:  # a connection that was kept, and had ended: nothing was asked yet
                if not patience:
                    raise
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        _log.warning("The vault does not answer", cause=type(error).__name__)
    raise TemporarilyUnavailable(reason=Reason.KEK_UNREACHABLE, retry_after=5)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_chunked(8192):
        body += chunk
        if len(body) > _MOST_BYTES:
            raise aiohttp.ClientPayloadError("an answer without end")
    return body


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
