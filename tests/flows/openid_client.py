"""A client application on unmodified openid-client (Node.js), a second implementation beside Authlib."""

import asyncio
import json
import os
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.flows.relying_party import RelyingParty
from tests.support.browser import Browser, Page
from tests.support.stack import Stack


class Driver:
    """The Node.js process that runs the steps of all clients, one after the other: a process per step takes too long."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "NODE_OPTIONS": "", "NO_COLOR": "1"}
        self._process = subprocess.Popen(
            ["node", str(folder / "drive.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    async def run(self, step: dict[str, Any]) -> dict[str, Any]:
        return await asyncio.to_thread(self._run, step)

    def close(self) -> None:
        with self._process as process:
            assert process.stdin
            process.stdin.close()

    def _run(self, step: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(step)}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the Node.js process has ended"
        result: dict[str, Any] = json.loads(line)
        return result


@dataclass
class OpenidClient:
    """A registered client and how openid-client is configured for it."""

    driver: Driver
    app: dict[str, Any]
    redirect_uri: str
    remembered: dict[str, Any] = field(default_factory=dict)

    @classmethod
    async def registered(
        cls,
        system: Stack,
        driver: Driver,
        *,
        jwk: dict[str, Any] | None = None,
        response_type: str = "code",
        **metadata: Any,
    ) -> Self:
        """A new client that an operator registered; `jwk` is its private key."""
        async with await RelyingParty.registered(system, **metadata) as made:
            app = {
                "issuer": system.issuer,
                "client_id": made.client_id,
                "client_secret": made.client_secret,
                "method": metadata.get("token_endpoint_auth_method", "client_secret_basic"),
                "jwk": jwk,
                "response_type": response_type,
                "metadata": {name: value for name, value in metadata.items() if name.endswith("_response_alg")},
            }
            return cls(driver, app, made.redirect_uri)

    @classmethod
    async def self_registered(cls, system: Stack, driver: Driver, *, initial_token: str, **metadata: Any) -> Self:
        """A client that openid-client registers (RFC 7591), configured from the registration response."""
        app: dict[str, Any] = {"issuer": system.issuer, "response_type": "code", "metadata": {}}
        client = cls(driver, app, metadata["redirect_uris"][0])
        made = await client.do("register", metadata=metadata, initial_access_token=initial_token)
        app |= {name: made.get(name) for name in ("client_id", "client_secret")}
        app["method"] = made["token_endpoint_auth_method"]
        return client

    async def run(self, step: str, **given: Any) -> dict[str, Any]:
        """The result of openid-client; `refused` contains the error when it does not accept a response."""
        return await self.driver.run({"step": step, "app": self.app, **given})

    async def do(self, step: str, **given: Any) -> dict[str, Any]:
        """As `run`; an error fails the test."""
        answer = await self.run(step, **given)
        assert "refused" not in answer, answer
        return answer

    async def start(self, *, by: str = "query", scope: str = "openid email offline_access", **parameters: str) -> str:
        """The URL of an authorization request; state, nonce and code verifier are kept in `remembered`."""
        asked = {"redirect_uri": self.redirect_uri, "scope": scope, **parameters}
        answer = await self.do("start", by=by, parameters=asked)
        self.remembered = answer["remembered"]
        return str(answer["url"])

    async def finish(self, page: Page) -> dict[str, Any]:
        """Tokens, or claims, for the response at the redirect URI or in the form of response mode form_post."""
        if page.left:
            return await self.do("finish", callback=page.url, remembered=self.remembered)
        form = page.form_with("form-post-submit")
        return await self.do("finish", callback=form.action, form=form.fields, remembered=self.remembered)


Register = Callable[..., Awaitable[OpenidClient]]


async def authorize(browser: Browser, url: str) -> Page:
    """The last page after Alice has signed in and granted consent where the pages ask for it."""
    page = await browser.open(url)
    if page.name == "login":
        page = await browser.sign_in()
    return await browser.submit("consent-allow") if page.name == "consent" else page


async def signed_in(browser: Browser, app: OpenidClient, **how: str) -> dict[str, Any]:
    return await app.finish(await authorize(browser, await app.start(**how)))
