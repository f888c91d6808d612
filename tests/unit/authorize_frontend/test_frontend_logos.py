"""Logos of clients, served from the issuer's origin."""

import pytest

from latchkey.token.v1.authorization_pb2 import GetClientLogoResponse
from libs.oauth.errors import TemporarilyUnavailable

pytestmark = pytest.mark.s(44, 73)


async def test_logo_is_served_with_its_type_and_a_sandbox(browser, services):
    services.token.says["GetClientLogo"] = GetClientLogoResponse(content=b"an image", content_type="image/png")
    answer = await browser.get("/logo/c_notes")
    assert services.token.asked("GetClientLogo").client_id == "c_notes"
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["cache-control"] == "public, max-age=600"


async def test_logo_is_404_when_there_is_none(browser, services):
    services.token.says["GetClientLogo"] = GetClientLogoResponse()
    assert (await browser.get("/logo/c_notes")).status == 404


@pytest.mark.parametrize("client_id", ["a%2Fb", "%00", "a" * 200, "a%20b"])
async def test_logo_makes_no_call_for_a_malformed_client_id(browser, services, client_id):
    assert (await browser.get(f"/logo/{client_id}")).status == 404
    assert services.token.names() == []


async def test_logo_is_503_when_token_is_unavailable(browser, services):
    services.token.says["GetClientLogo"] = TemporarilyUnavailable(retry_after=2)
    assert (await browser.get("/logo/c_notes")).status == 503
