"""Every command and the program of docs/protect-an-api.md work as written."""

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.pages import Reader, block, blocks_of
from tests.support.stack import Stack

pytestmark = [
    pytest.mark.xdist_group("sqlite"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]
BLOCKS = blocks_of("docs/protect-an-api.md")


@pytest.fixture
def reader(stack: Stack, tmp_path: Path) -> Reader:
    return Reader(stack, tmp_path)


@pytest.fixture
def access_token(reader: Reader) -> str:
    client_id, secret = reader.client(block(BLOCKS, "sh", "Orders job").code)
    request = block(BLOCKS, "sh", "--data resource=").code
    token: str = json.loads(reader.run(request, CLIENT_ID=client_id, CLIENT_SECRET=secret))["access_token"]
    return token


@pytest.fixture
def api(reader: Reader) -> Iterator[str]:
    """The program of the page, on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    code = block(BLOCKS, "python", "TokenVerifier").code.replace("port=8000", f"port={port}")
    with reader.start(code, PYTHONUNBUFFERED="1") as program:
        assert program.stdout
        assert "Running on" in program.stdout.readline()
        try:
            yield port
        finally:
            program.terminate()


def test_api_of_the_page_accepts_a_token_for_its_resource_and_refuses_a_malformed_one(
    reader: Reader, api: str, access_token: str
) -> None:
    call = block(BLOCKS, "sh", "Authorization: Bearer").code.replace(":8000", f":{api}")
    assert json.loads(reader.run(call, ACCESS_TOKEN=access_token))["scopes"] == ["orders:read"]
    assert json.loads(reader.run(call, ACCESS_TOKEN="x.y.z"))["error"] == "invalid_token"


def test_introspection_command_of_the_page_returns_active(reader: Reader, access_token: str) -> None:
    create, _, introspect = block(BLOCKS, "sh", "/introspect").code.partition("\n")
    client_id, secret = reader.client(create)
    found = reader.run(introspect, API_CLIENT_ID=client_id, API_CLIENT_SECRET=secret, ACCESS_TOKEN=access_token)
    assert json.loads(found)["active"] is True


def test_every_command_block_of_the_page_is_tested() -> None:
    run = ["Orders job", "--data resource=", "TokenVerifier", "Authorization: Bearer", "/introspect"]
    assert all(any(text in one.code for text in run) for one in BLOCKS)
