"""A client application on unmodified openid-client (Node.js): a witness that was written by others than Authlib was."""

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


@dataclass
class OpenidClient:
    """A registered client and how openid-client is configured for it."""

    folder: Path
    app: dict[str, Any]
    redirect_uri: str
    remembered: dict[str, Any] = field(default_factory=dict)

    @classmethod
    async def registered(
        cls,
        system: Stack,
        folder: Path,
        *,
        jwk: dict[str, Any] | None = None,
        response_type: str = "code",
        **metadata: Any,
    ) -> Self:
        """A new client of its own; `jwk` is its private key."""
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
            return cls(folder, app, made.redirect_uri)

    @classmethod
    async def by_itself(cls, system: Stack, folder: Path, *, initial_token: str, **metadata: Any) -> Self:
        """A client that openid-client registers (RFC 7591), and is configured for with what it was answered."""
        app: dict[str, Any] = {"issuer": system.issuer, "response_type": "code", "metadata": {}}
        client = cls(folder, app, metadata["redirect_uris"][0])
        made = await client.do("register", metadata=metadata, initial_access_token=initial_token)
        app |= {name: made.get(name) for name in ("client_id", "client_secret")}
        app["method"] = made["token_endpoint_auth_method"]
        return client

    async def run(self, step: str, **given: Any) -> dict[str, Any]:
        """What openid-client answers; where it does not accept what the server said, `refused` says why."""
        process = await asyncio.create_subprocess_exec(
            "node",
            str(self.folder / "drive.mjs"),
            step,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "NODE_OPTIONS": "", "NO_COLOR": "1"},
        )
        out, error = await process.communicate(json.dumps({"app": self.app, **given}).encode())
        assert process.returncode == 0, error.decode()
        answer: dict[str, Any] = json.loads(out)
        return answer

    async def do(self, step: str, **given: Any) -> dict[str, Any]:
        """As `run`, when all has to go well."""
        answer = await self.run(step, **given)
        assert "refused" not in answer, answer
        return answer

    async def start(self, *, by: str = "query", scope: str = "openid email offline_access", **parameters: str) -> str:
        """The address of an authorization request; what its answer is held against is remembered."""
        asked = {"redirect_uri": self.redirect_uri, "scope": scope, **parameters}
        answer = await self.do("start", by=by, parameters=asked)
        self.remembered = answer["remembered"]
        return str(answer["url"])

    async def finish(self, page: Page) -> dict[str, Any]:
        """Tokens, or at least claims, for where the browser was sent; a form that would be posted counts as well."""
        if page.left:
            return await self.do("finish", callback=page.url, remembered=self.remembered)
        form = page.form_with("form-post-submit")
        return await self.do("finish", callback=form.action, form=form.fields, remembered=self.remembered)


Register = Callable[..., Awaitable[OpenidClient]]


async def opened(browser: Browser, url: str) -> Page:
    """Where the browser ends, with Alice signed in and what is asked for allowed."""
    page = await browser.open(url)
    if page.name == "login":
        page = await browser.sign_in()
    return await browser.submit("consent-allow") if page.name == "consent" else page


async def signed_in(browser: Browser, app: OpenidClient, **how: str) -> dict[str, Any]:
    return await app.finish(await opened(browser, await app.start(**how)))
