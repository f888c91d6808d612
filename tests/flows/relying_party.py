"""A client application with Authlib; tokens are verified with joserfc."""

import json
import secrets
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import httpx2
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from latchkey.token.v1 import admin_pb2
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceStub
from tests.support.browser import Browser, Page
from tests.support.stack import Stack

SCOPE = "openid profile email offline_access"


@dataclass
class Started:
    """An authorization request and the values that its response is checked against."""

    url: str
    state: str
    nonce: str
    verifier: str


class RelyingParty:
    def __init__(self, system: Stack, *, client_id: str, client_secret: str | None, redirect_uri: str) -> None:
        self.system = system
        self.client_id = client_id
        self.client_secret = client_secret
        self.redirect_uri = redirect_uri
        self.oauth = AsyncOAuth2Client(
            client_id,
            client_secret,
            scope=SCOPE,
            redirect_uri=redirect_uri,
            token_endpoint=f"{system.client_edge}/token",
            token_endpoint_auth_method="client_secret_basic" if client_secret else "none",
            code_challenge_method="S256",
            timeout=20,
        )

    @classmethod
    def of(cls, system: Stack, name: str) -> Self:
        """One of the demo clients."""
        known = system.clients[name]
        return cls(
            system,
            client_id=known["client_id"],
            client_secret=known["client_secret"],
            redirect_uri=known["redirect_uri"],
        )

    @classmethod
    async def registered(cls, system: Stack, **metadata: Any) -> Self:
        """Registers a new client."""
        members = {
            "client_name": "A test client",
            "redirect_uris": ["https://client.example/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            **metadata,
        }
        request = admin_pb2.CreateClientRequest()
        request.metadata.update(members)
        async with system.channel("token") as channel:
            made = await ClientAdminServiceStub(channel).CreateClient(request)
        uris = members["redirect_uris"]
        return cls(
            system,
            client_id=made.client.client_id,
            client_secret=made.client_secret or None,
            redirect_uri=uris[0] if uris else "",
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.oauth.aclose()

    def start(self, *, scope: str = SCOPE, **parameters: Any) -> Started:
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        url, state = self.oauth.create_authorization_url(
            f"{self.system.issuer}/authorize", code_verifier=verifier, nonce=nonce, scope=scope, **parameters
        )
        return Started(url=url, state=state, nonce=nonce, verifier=verifier)

    async def finish(self, started: Started, page: Page) -> dict[str, Any]:
        """Checks the authorization response and redeems the code."""
        assert page.url.startswith(self.redirect_uri), page.url
        assert page.parameters["state"] == started.state
        assert page.parameters["iss"] == self.system.issuer
        token = await self.oauth.fetch_token(authorization_response=page.url, code_verifier=started.verifier)
        return dict(token)

    async def sign_in(self, browser: Browser, *, username: str = "alice", **parameters: Any) -> dict[str, Any]:
        """Runs the whole code flow: signs in and grants consent where the pages ask for it."""
        started = self.start(**parameters)
        page = await browser.open(started.url)
        if page.name == "login":
            page = await browser.sign_in(username, f"{username}-password")
        if page.name == "consent":
            page = await browser.submit("consent-allow")
        return await self.finish(started, page)

    async def userinfo(self, access_token: str) -> httpx2.Response:
        async with httpx2.AsyncClient() as client:
            return await client.get(
                f"{self.system.client_edge}/userinfo", headers={"Authorization": f"Bearer {access_token}"}
            )

    async def token_request(self, **form: str) -> httpx2.Response:
        """Sends a token request with the authentication of this client."""
        async with httpx2.AsyncClient(timeout=20) as client:
            if self.client_secret:
                auth: Any = (self.client_id, self.client_secret)
                return await client.post(f"{self.system.client_edge}/token", data=form, auth=auth)
            return await client.post(f"{self.system.client_edge}/token", data={"client_id": self.client_id, **form})


def code_form(page: Page, started: Started, relying_party: RelyingParty) -> dict[str, str]:
    """The form of the token request for the code in a redirect."""
    return {
        "grant_type": "authorization_code",
        "code": dict(parse_qsl(urlsplit(page.url).query))["code"],
        "redirect_uri": relying_party.redirect_uri,
        "code_verifier": started.verifier,
    }


async def verified(system: Stack, token: str, *, audience: str, alg: str, typ: str) -> dict[str, Any]:
    """The claims of a token after joserfc has verified it with the published keys."""
    async with httpx2.AsyncClient() as client:
        keys = KeySet.import_key_set((await client.get(f"{system.issuer}/jwks")).json())
    decoded = jwt.decode(token, keys, algorithms=[alg])
    assert decoded.header["typ"] == typ, json.dumps(decoded.header)
    JWTClaimsRegistry(
        iss={"essential": True, "value": system.issuer},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    ).validate(decoded.claims)
    return dict(decoded.claims)
