"""What a fetch sends and what it hands over."""

import asyncio

import pytest

from libs.fetch.errors import FetchRefused, Reason
from libs.fetch.fetcher import Fetched
from tests.unit.fetch.conftest import World
from tests.unit.fetch.outside import HOST, Request, answer, says

pytestmark = pytest.mark.s(43)


async def test_document_has_its_cache_headers(world: World):
    headers = {"cache_control": "max-age=60", "etag": '"1"', "expires": "0", "x_other": "no"}
    await world.host(says(answer(b'{"keys":[]}', content_type="Application/JSON; charset=utf-8", **headers)))
    assert await world.fetcher().get(f"https://{HOST}/keys") == Fetched(
        b'{"keys":[]}', "application/json", {"cache-control": "max-age=60", "etag": '"1"', "expires": "0"}
    )


async def test_request_sends_minimal_headers(world: World):
    server = await world.host(says(answer()))
    await world.fetcher().get(f"https://{HOST}/a/../b%2Fc?d=%7E&e=+#fragment", accept=("application/json", "text/x"))
    (request,) = server.requests
    assert request.line == "GET /a/../b%2Fc?d=%7E&e=+ HTTP/1.1"
    assert request.headers == {
        "host": HOST,
        "accept": "application/json, text/x",
        "accept-encoding": "identity",
        "user-agent": "Latchkey",
        "connection": "close",
    }


async def test_post_form_returns_the_status(world: World):
    server = await world.host(says(answer(b"x" * 100_000, status="400 Bad Request", content_type="text/html")))
    assert await world.fetcher().post_form(f"https://{HOST}/logout", {"logout_token": "a.b&c=é"}) == 400
    (request,) = server.requests
    assert request.line == "POST /logout HTTP/1.1"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.body == b"logout_token=a.b%26c%3D%C3%A9"


async def test_post_form_does_not_read_the_response_body(world: World):
    await world.host(says(b"HTTP/1.1 204 No Content\r\n\r\n"))
    assert await world.fetcher().post_form(f"https://{HOST}/", {}) == 204
    server = await world.host(says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"))
    assert await world.fetcher().post_form(f"https://{HOST}/", {}) == 200
    await server.until(lambda: server.open == 0)


async def test_get_accepts_the_media_types_of_the_caller(world: World):
    await world.host(says(answer(b"a.b.c", content_type="application/jwt")))
    fetched = await world.fetcher().get(
        f"https://{HOST}/", accept=("application/oauth-authz-req+jwt", "application/jwt")
    )
    assert (fetched.body, fetched.content_type) == (b"a.b.c", "application/jwt")


@pytest.mark.parametrize(
    "content_type", ["text/html", "application/jsonp", "text/plain", "application/json, text/html", ""]
)
async def test_other_media_type_is_refused(world: World, content_type: str):
    await world.host(says(answer(content_type=content_type)))
    assert (await world.refusal()).reason is Reason.CONTENT_TYPE


async def test_response_with_no_or_two_content_types_is_refused(world: World):
    await world.host(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    assert (await world.refusal()).reason is Reason.CONTENT_TYPE
    twice = b"Content-Type: text/html\r\nContent-Type: application/json\r\n"
    await world.host(says(b"HTTP/1.1 200 OK\r\n" + twice + b"Content-Length: 2\r\n\r\n{}"))
    assert (await world.refusal()).reason in {Reason.CONTENT_TYPE, Reason.PROTOCOL}


@pytest.mark.parametrize("status", ["201 Created", "204 No Content", "304 Not Modified", "404 Not Found", "500 Oops"])
async def test_status_other_than_200_is_refused(world: World, status: str):
    await world.host(says(answer(b"", status=status)))
    assert (await world.refusal()).reason is (Reason.REDIRECT if status.startswith("3") else Reason.STATUS)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_redirect_is_not_followed(world: World, status: str, method: str):
    private = await world.serve(says(answer()), world.authority.server("127.0.0.1"))
    world.routes.to["127.0.0.1"] = private.port
    await world.host(says(answer(status=status, location="https://127.0.0.1/")))
    fetcher = world.fetcher()
    with pytest.raises(FetchRefused) as refusal:
        await (fetcher.get(f"https://{HOST}/") if method == "GET" else fetcher.post_form(f"https://{HOST}/", {}))
    assert refusal.value.reason is Reason.REDIRECT
    assert (private.connections, len(world.routes.dialled)) == (0, 1)


async def test_cookies_are_not_sent_back(world: World):
    server = await world.host(says(answer(set_cookie="a=b; Path=/", www_authenticate="Basic", connection="keep-alive")))
    fetcher = world.fetcher()
    for _ in range(2):
        await fetcher.get(f"https://{HOST}/")
    assert server.connections == 2
    assert server.requests[0] == server.requests[1]
    assert "cookie" not in server.requests[1].headers


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type application/json\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    ],
)
async def test_incomplete_http_response_is_refused(world: World, said: bytes):
    async def respond(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        writer.close()

    await world.host(respond)
    assert (await world.refusal()).reason in {Reason.PROTOCOL, Reason.UNREACHABLE, Reason.STATUS}


async def test_fetch_refused_contains_no_url_or_address(world: World):
    refusal = await world.refusal(f"https://{HOST}/a-secret")
    assert refusal.reason is Reason.UNREACHABLE
    assert str(refusal) == "fetch refused [UNREACHABLE]"
    assert refusal.__suppress_context__
