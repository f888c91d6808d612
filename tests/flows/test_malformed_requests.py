"""Malformed HTTP requests at both edges, which the server answers itself."""

import asyncio
import json
from urllib.parse import urlsplit

import pytest

from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("sqlite")
CANARY = "session-cookie-canary"
REQUESTS = {
    "400": b"GET / HTTP/1.1\r\nHost: edge\r\nCookie: __Host-session=%s\x01\r\n\r\n" % CANARY.encode(),
    "414": b"GET /%s HTTP/1.1\r\nHost: edge\r\n\r\n" % (CANARY.encode() * 2_000),
    "431": b"GET / HTTP/1.1\r\nHost: edge\r\nCookie: __Host-session=%s\r\n\r\n" % (CANARY.encode() * 2_000),
}


BROKEN_BODY = (
    b"POST /token HTTP/1.1\r\nHost: edge\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n%s\r\n" % CANARY.encode()
)


async def raw(base: str, request: bytes) -> tuple[str, str]:
    """Head and body of the response, read until the server closes the connection."""
    parts = urlsplit(base)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request)
    response = await asyncio.wait_for(reader.read(-1), 10)
    writer.close()
    head, _, body = response.decode().partition("\r\n\r\n")
    return head, body


@pytest.mark.s(60, 61)
@pytest.mark.parametrize("status", REQUESTS)
async def test_malformed_request_shows_a_page_of_the_browser_edge_without_request_data(stack: Stack, status: str):
    head, body = await raw(stack.issuer, REQUESTS[status])
    assert head.split()[1] == status
    assert 'data-page="error"' in body
    assert "content-security-policy: default-src 'none'" in head.lower()
    assert "\r\nserver:" not in head.lower()
    assert CANARY not in head + body + stack.log("authorize-frontend")
    assert "Traceback" not in stack.log("authorize-frontend")


@pytest.mark.s(60, 61)
@pytest.mark.parametrize("status", REQUESTS)
async def test_malformed_request_gets_json_from_the_client_edge_without_request_data(stack: Stack, status: str):
    head, body = await raw(stack.client_edge, REQUESTS[status])
    assert head.split()[1] == status
    assert json.loads(body)["error"] == "invalid_request"
    assert "\r\ncache-control: no-store" in head.lower()
    assert "\r\nserver:" not in head.lower()
    assert CANARY not in head + body + stack.log("token")
    assert "Traceback" not in stack.log("token")


@pytest.mark.s(60, 61)
async def test_broken_chunked_body_gets_400_without_request_data(stack: Stack):
    head, body = await raw(stack.client_edge, BROKEN_BODY)
    assert head.split()[1] == "400"
    assert json.loads(body)["error"] == "invalid_request"
    assert CANARY not in head + body + stack.log("token")
    assert "Traceback" not in stack.log("token")
