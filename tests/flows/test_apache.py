"""Apache with mod_auth_openidc in front of an application without OpenID Connect support."""

import secrets
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.flows.apache import Apache, listens, reason_for_no_apache, running
from tests.flows.relying_party import RelyingParty
from tests.storage.servicekit.world import until
from tests.support.browser import Browser
from tests.support.stack import Stack, free_ports

pytestmark = [
    pytest.mark.xdist_group("sqlite"),
    pytest.mark.skipif(bool(reason_for_no_apache()), reason=reason_for_no_apache()),
]
LOCATIONS = """
<Location "/protected">
  AuthType openid-connect
  Require claim email:alice@example.com
  Header set X-Remote-User "expr=%{REMOTE_USER}"
</Location>
"""
SIGNED_OUT = "/signed-out.html"


@pytest.fixture
async def browser(stack: Stack) -> AsyncIterator[Browser]:
    async with Browser(stack.issuer) as opened:
        yield opened


@pytest.fixture
async def apache(stack: Stack) -> AsyncIterator[Apache]:
    """Every user may sign in; only Alice has access to /protected."""
    with free_ports() as ports, tempfile.TemporaryDirectory() as folder:
        port = int(ports["LATCHKEY_BROWSER_PORT"])
        url = f"http://localhost:{port}"
        client = await RelyingParty.registered(
            stack,
            consent="skip",
            redirect_uris=[f"{url}/protected/callback"],
            post_logout_redirect_uris=[url + SIGNED_OUT],
            grant_types=["authorization_code"],
        )
        directives = {
            "OIDCProviderMetadataURL": f"{stack.issuer}/.well-known/openid-configuration",
            "OIDCClientID": client.client_id,
            "OIDCClientSecret": str(client.client_secret),
            "OIDCRedirectURI": f"{url}/protected/callback",
            "OIDCCryptoPassphrase": secrets.token_hex(16),
            "OIDCScope": "openid email profile",
            "OIDCPKCEMethod": "S256",
            "OIDCProviderTokenEndpointAuth": "client_secret_basic",
            "OIDCRemoteUserClaim": "email",
        }
        with running(Path(folder), port=port, directives=directives, locations=LOCATIONS) as apache:
            await until(lambda: listens(port))
            async with apache:
                yield apache


async def test_apache_requires_sign_in_and_gives_alice_access(stack: Stack, apache: Apache, browser: Browser) -> None:
    page = await apache.signed_in(browser, "/protected/")
    assert (page.status_code, page.text) == (200, "a protected page"), apache.log
    assert page.headers["X-Remote-User"] == "alice@example.com"


async def test_apache_refuses_a_signed_in_user_without_the_required_claim(
    stack: Stack, apache: Apache, browser: Browser
) -> None:
    await browser.open((await apache.get("/protected/")).headers["location"])
    back = await browser.sign_in("bob", "bob-password")
    answer = await apache.get(back.url)
    assert answer.status_code == 302, apache.log
    assert (await apache.get(answer.headers["location"])).status_code == 401


async def test_sign_out_at_apache_ends_the_session_of_the_server(
    stack: Stack, apache: Apache, browser: Browser
) -> None:
    await apache.signed_in(browser, "/protected/")
    query = urlencode({"logout": apache.url + SIGNED_OUT})
    answer = await apache.get(f"/protected/callback?{query}")
    assert answer.status_code == 302, apache.log
    page = await browser.open(answer.headers["location"])
    assert page.url == apache.url + SIGNED_OUT
    again = await browser.open((await apache.get("/protected/")).headers["location"])
    assert again.name == "login"
