"""Breached passwords: the lookup does not reveal the password, and fails open."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from libs.fetch.fetcher import Fetcher
from libs.fetch.policy import AllowedHost, FetchPolicy
from services.authentication.adapters.breached_passwords import BreachedInFile, BreachedInRanges, LookUpFailedError
from tests.unit.fetch.certificates import Authority

HOST = "127.0.0.1"


def digest(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


class RangeService:
    """Answers as the well-known one does, padding and all."""

    def __init__(self, *stolen: str) -> None:
        self.digests = {digest(password) for password in stolen}
        self.paths: list[str] = []
        self.padding: list[str | None] = []
        self.status = 200

    async def answer(self, request: web.Request) -> web.Response:
        self.paths.append(request.path)
        self.padding.append(request.headers.get("Add-Padding"))
        prefix = request.match_info["prefix"]
        lines = [f"{each[5:]}:{7}" for each in self.digests if each.startswith(prefix)]
        lines += [f"{digest(str(n))[5:]}:0" for n in range(800)]
        return web.Response(text="\r\n".join(lines), status=self.status)

    @asynccontextmanager
    async def serving(self, folder: Path) -> AsyncIterator[BreachedInRanges]:
        authority = Authority.new(folder)
        app = web.Application()
        app.router.add_get("/range/{prefix}", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, HOST, 0, ssl_context=authority.server(HOST))
        await site.start()
        port = runner.addresses[0][1]
        fetcher = Fetcher(
            FetchPolicy(allowed_private_hosts=frozenset({AllowedHost(HOST, port)}), extra_ca=authority.pem)
        )
        try:
            yield BreachedInRanges(fetcher, f"https://{HOST}:{port}/range/")
        finally:
            await fetcher.close()
            await runner.cleanup()


@pytest.mark.s(50)
async def test_range_service_receives_only_five_digits(tmp_path: Path) -> None:
    service = RangeService("password1", "letmein")
    async with service.serving(tmp_path) as is_breached:
        assert await is_breached("password1")
        assert not await is_breached("correct horse battery staple")
        assert not await is_breached("7")  # one of those that pad the answer
    assert service.paths[0] == f"/range/{digest('password1')[:5]}"
    assert {len(path) for path in service.paths} == {len("/range/") + 5}
    assert set(service.padding) == {"true"}


@pytest.mark.s(66)
async def test_a_service_that_does_not_answer_says_nothing(tmp_path: Path) -> None:
    service = RangeService("password1")
    async with service.serving(tmp_path) as is_breached:
        service.status = 503
        with pytest.raises(LookUpFailedError) as failure:
            await is_breached("password1")
    assert digest("password1")[:5] not in str(failure.value)
    with pytest.raises(LookUpFailedError):
        await is_breached("password1")


@pytest.mark.parametrize("ending", ["\n", "\r\n", ":3\n", ":12345\r\n"])
async def test_a_file_is_searched_wherever_the_password_stands_in_it(tmp_path: Path, ending: str) -> None:
    stolen = [f"password{n}" for n in range(257)]
    file = tmp_path / "stolen.txt"
    file.write_bytes("".join(f"{each}{ending}" for each in sorted(map(digest, stolen))).encode())
    is_breached = BreachedInFile(file)
    assert all([await is_breached(password) for password in stolen])
    assert not any([await is_breached(f"another{n}") for n in range(257)])


@pytest.mark.parametrize("content", ["", "\n", "0" * 40, "F" * 40 + "\n", "not a list at all\n" * 9])
async def test_a_file_without_the_password_has_it_nowhere(tmp_path: Path, content: str) -> None:
    file = tmp_path / "stolen.txt"
    file.write_text(content)
    assert not await BreachedInFile(file)("password1")


async def test_a_file_that_is_gone_says_nothing(tmp_path: Path) -> None:
    with pytest.raises(LookUpFailedError):
        await BreachedInFile(tmp_path / "nowhere")("password1")
