"""Logos of clients: fetched here, judged by what they are, and kept for a while."""

import pytest

from tests.storage.token.world import World
from tests.support.databases import statements

pytestmark = pytest.mark.s(43, 44)
AT = "https://client.example/logo"
PNG = b"\x89PNG\r\n\x1a\n and the rest"


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0 jpeg", "image/jpeg"),
        (b"GIF89a gif", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
    ],
)
async def test_an_image_is_what_its_bytes_say(world: World, content: bytes, content_type: str) -> None:
    world.outside.documents[AT] = content
    client = await world.client(logo_uri=AT)
    logo = await world.get_logo(client.client_id)
    assert logo is not None
    assert (logo.content, logo.content_type) == (content, content_type)


@pytest.mark.parametrize("content", [b"<svg onload='alert(1)'/>", b"<html>", b"RIFF....WAVE", b"", b"\x89PNG"])
async def test_nothing_else_is_shown_whatever_its_server_says(world: World, content: bytes) -> None:
    world.outside.documents[AT] = content
    client = await world.client(logo_uri=AT)
    for _ in range(3):
        assert await world.get_logo(client.client_id) is None
    assert world.outside.fetched == [AT]


async def test_it_is_fetched_once_for_many_pages_and_costs_no_statement(world: World) -> None:
    world.outside.documents[AT] = PNG
    client = await world.client(logo_uri=AT)
    await world.clients.find(client.client_id)
    with statements(world.database) as sent:
        for _ in range(5):
            assert await world.get_logo(client.client_id)
    assert sent == []
    assert world.outside.fetched == [AT]


async def test_without_one_nothing_is_fetched(world: World) -> None:
    client = await world.client()
    assert await world.get_logo(client.client_id) is None
    assert await world.get_logo("c_unknown") is None
    assert world.outside.fetched == []


async def test_failed_logo_fetch_is_not_repeated_for_a_while(world: World) -> None:
    client = await world.client(logo_uri=AT)
    for _ in range(3):
        assert await world.get_logo(client.client_id) is None
    assert world.outside.fetched == [AT]
