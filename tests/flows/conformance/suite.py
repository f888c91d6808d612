"""A reimplementation of modules of the OpenID Foundation's conformance suite: one client, one new browser, and the rules of
every module. It does not import server code; it reads and verifies responses only.
"""

import math
import secrets
import string
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx2
import pytest

from tests.flows.conformance.claims import Claims, verified_id_token
from tests.flows.conformance.registration import by_an_operator, by_itself
from tests.support.browser import Browser, Page
from tests.support.stack import Stack

REDIRECT_URI = "https://suite.example/test/a/latchkey/callback"
SCOPES = "openid"
ERROR_MEMBERS = {"error", "error_description", "error_uri", "state", "session_state", "iss"}
_DESCRIPTION = frozenset(map(chr, range(0x20, 0x7F))) - {'"', "\\"}
CODE = ("code",)
IMPLICIT = ("id_token", "id_token token")
HYBRID = ("code id_token", "code token", "code id_token token")
EVERY = (*CODE, *IMPLICIT, *HYBRID)


@dataclass(frozen=True)
class Variant:
    """A variant of a plan: the response type, and whether response_mode is form_post."""

    response_type: str
    form_post: bool

    @property
    def words(self) -> frozenset[str]:
        return frozenset(self.response_type.split())

    def __str__(self) -> str:
        return self.response_type.replace(" ", "+") + ("-form_post" if self.form_post else "")


def variants(*response_types: str) -> pytest.MarkDecorator:
    """Runs a module with each response type: default response mode on SQLite, form_post on PostgreSQL."""
    return pytest.mark.parametrize(
        "variant",
        [
            pytest.param(
                Variant(kind, form_post),
                id=str(Variant(kind, form_post)),
                marks=pytest.mark.xdist_group("postgresql" if form_post else "sqlite"),
            )
            for form_post in (False, True)
            for kind in response_types
        ],
    )


def entropy(text: str) -> float:
    """Bits of entropy as the suite estimates them, from character frequencies."""
    counts = Counter(text)
    return -sum(n * math.log2(n / len(text)) for n in counts.values())


def random_string(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


@dataclass
class Suite:
    """A run of a module."""

    system: Stack
    browser: Browser
    variant: Variant
    client_id: str
    client_secret: str
    post_secret: bool = False
    sent: dict[str, str] = field(default_factory=dict)
    """The latest authorization request."""

    @classmethod
    async def begin(cls, system: Stack, browser: Browser, variant: Variant, **metadata: Any) -> "Suite":
        """Registers a client: by an operator for the default response mode, dynamically for form_post."""
        words = variant.words
        grants = [*["authorization_code"] * ("code" in words), *["implicit"] * bool(words - {"code"})]
        members = {
            "client_name": "Conformance",
            "redirect_uris": [REDIRECT_URI],
            "grant_types": [*grants, *metadata.pop("more_grants", ())],
            "response_types": [variant.response_type],
            **metadata,
        }
        register = by_itself if variant.form_post else by_an_operator
        client_id, client_secret = await register(system, members)
        post = members.get("token_endpoint_auth_method") == "client_secret_post"
        return cls(system, browser, variant, client_id, client_secret, post_secret=post)

    def url(self, **changes: str | None) -> str:
        """The URL of the authorization request, with sorted parameters; None omits a parameter."""
        parameters: dict[str, str | None] = {
            "client_id": self.client_id,
            "nonce": random_string(10),
            "redirect_uri": REDIRECT_URI,
            "response_mode": "form_post" if self.variant.form_post else None,
            "response_type": self.variant.response_type,
            "scope": SCOPES,
            "state": random_string(10),
            **changes,
        }
        self.sent = {name: value for name, value in sorted(parameters.items()) if value is not None}
        return f"{self.system.issuer}/authorize?{urlencode(self.sent)}"

    async def ask(self, **changes: str | None) -> Page:
        """Opens the authorization request; returns the first page or the redirect."""
        return await self.browser.open(self.url(**changes))

    async def answer_pages(self, page: Page) -> Page:
        """Signs in and grants consent where the pages ask for it."""
        if page.name == "login":
            page = await self.browser.sign_in()
        if page.name == "consent":
            page = await self.browser.submit("consent-allow")
        return page

    async def authorize(self, **changes: str | None) -> dict[str, str]:
        """Sends a request that succeeds; returns the response parameters."""
        answer = self.answer(await self.answer_pages(await self.ask(**changes)))
        assert "error" not in answer, answer
        for name, word in (("code", "code"), ("access_token", "token"), ("id_token", "id_token")):
            assert (name in answer) == (word in self.variant.words), answer.keys()
        if "code" in answer:
            assert len(answer["code"]) >= 16
            assert entropy(answer["code"]) > 96
        if "access_token" in answer:
            assert answer["token_type"].lower() == "bearer"
            assert entropy(answer["access_token"]) > 96
        return answer

    def answer(self, page: Page, *, in_query: bool = False) -> dict[str, str]:
        """The response parameters, after checking the response mode (Multiple Response Types, 2.1; Form Post, 2)."""
        if self.variant.form_post:
            form = page.form_with("form-post-submit")
            assert (form.method, form.action) == ("post", REDIRECT_URI)
            parameters = form.fields
        else:
            address, parts = page.url.split("?")[0].split("#")[0], urlsplit(page.url)
            assert (page.left, address) == (True, REDIRECT_URI), (page.url, page.name, page.error)
            query = in_query or self.variant.response_type == "code"
            assert not (parts.fragment if query else parts.query), page.url
            parameters = dict(parse_qsl(parts.query if query else parts.fragment, strict_parsing=True))
        assert parameters.get("state") == self.sent.get("state")
        assert parameters["iss"] == self.system.issuer
        return parameters

    def error(self, page: Page, *, in_query: bool = False) -> str:
        """The error code of an error response."""
        parameters = self.answer(page, in_query=in_query)
        assert set(parameters) <= ERROR_MEMBERS
        assert _DESCRIPTION.issuperset(parameters.get("error_description", ""))
        return parameters["error"]

    async def id_token(
        self, text: str, *, code: str | None = None, token: str | None = None, front: bool = False
    ) -> Claims:
        """The claims of an ID token after the checks of OpenID Connect Core, 3.1.3.7, 3.2.2.11 and 3.3.2.12.

        `code` and `token` were returned with it, if known; `front`: returned by the authorization endpoint.
        """
        claims = await verified_id_token(self.system, text, audience=self.client_id, nonce=self.sent.get("nonce"))
        for name, value in (("at_hash", token), ("c_hash", code)):
            if value is not None:
                claims.require_hash(name, value, required=front)
        return claims

    async def front_id_token(self, answer: dict[str, str]) -> Claims:
        return await self.id_token(
            answer["id_token"], code=answer.get("code"), token=answer.get("access_token"), front=True
        )

    async def token_request(self, **form: str) -> httpx2.Response:
        """Sends a token request; client id and secret are form-encoded for Basic (RFC 6749, 2.3.1)."""
        auth: Any = (quote(self.client_id, safe=""), quote(self.client_secret, safe=""))
        if self.post_secret:
            form, auth = {**form, "client_id": self.client_id, "client_secret": self.client_secret}, None
        async with httpx2.AsyncClient(timeout=20, headers={"Accept": "application/json"}) as client:
            return await client.post(f"{self.system.client_edge}/token", data=form, auth=auth)

    async def redeem(self, code: str, **more: str) -> dict[str, Any]:
        response = await self.token_request(
            grant_type="authorization_code", code=code, redirect_uri=REDIRECT_URI, **more
        )
        return token_response(response)

    async def tokens(self, answer: dict[str, str]) -> dict[str, Any]:
        """Access token and claims, from the front channel or the token endpoint."""
        return await self.redeem(answer["code"]) if "code" in answer else dict(answer)

    async def user(self, answer: dict[str, str]) -> Claims:
        """The claims of the user: from userinfo, or from the ID token without an access token."""
        if self.variant.response_type == "id_token":
            return await self.front_id_token(answer)
        tokens = await self.tokens(answer)
        return await self.userinfo(tokens["access_token"])

    async def claims(self, answer: dict[str, str]) -> Claims:
        """The ID token of a response, from the front channel or the token endpoint."""
        if "id_token" in answer:
            return await self.front_id_token(answer)
        tokens = await self.redeem(answer["code"])
        return await self.id_token(tokens["id_token"], code=answer["code"], token=tokens["access_token"])

    async def userinfo(self, access_token: str) -> Claims:
        async with httpx2.AsyncClient(timeout=20) as client:
            response = await client.get(
                f"{self.system.client_edge}/userinfo", headers={"Authorization": f"Bearer {access_token}"}
            )
        return userinfo_response(response)


def token_response(response: httpx2.Response) -> dict[str, Any]:
    """RFC 6749 5.1."""
    assert (response.status_code, media_type(response)) == (200, "application/json"), response.text
    assert "no-store" in response.headers["cache-control"]
    tokens: dict[str, Any] = response.json()
    assert tokens["token_type"].lower() == "bearer"
    assert type(tokens["expires_in"]) is int
    assert 0 < tokens["expires_in"] <= 31_536_000
    assert entropy(tokens["access_token"]) > 96
    return tokens


def token_error(response: httpx2.Response) -> str:
    """RFC 6749 5.2."""
    error: dict[str, str] = response.json()
    assert media_type(response) == "application/json"
    assert response.status_code == 400 or (response.status_code, error["error"]) == (401, "invalid_client")
    assert _DESCRIPTION.issuperset(error.get("error_description", ""))
    return error["error"]


def userinfo_response(response: httpx2.Response) -> Claims:
    """OpenID Connect Core 5.3.2."""
    assert (response.status_code, media_type(response)) == (200, "application/json"), response.text
    claims = Claims(response.json())
    assert claims["sub"]
    claims.require_standard_values()
    return claims


def media_type(response: httpx2.Response) -> str:
    return response.headers["content-type"].split(";")[0].strip()
