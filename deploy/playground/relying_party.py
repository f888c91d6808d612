"""The client library, put together the way its own framework integrations do it, for httpx2 alone.

`AsyncOAuth2Mixin` and `AsyncOpenIDMixin` are Authlib's framework-independent halves of an OpenID Connect client
(its Starlette integration is these two and a session); nothing of them is changed here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from authlib.integrations.base_client import BaseApp
from authlib.integrations.base_client.async_app import AsyncOAuth2Mixin
from authlib.integrations.base_client.async_openid import AsyncOpenIDMixin
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import get_claim_cls_by_response_type

from deploy.playground.config import Application
from deploy.playground.problems import RefusedError
from deploy.playground.recorder import event_hooks

CLOCK_DIFFERENCE = 30
"""Seconds by which the clocks of this application and the server may differ."""

_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")

_TRUSTED_ALGORITHMS = frozenset({"RS256", "ES256"})
"""Public-key signatures only: `none` and HMAC are not accepted (RFC 8725, 3.1)."""


class RelyingParty(AsyncOAuth2Mixin, AsyncOpenIDMixin, BaseApp):  # type: ignore[misc]
    """One application as a client of one issuer. Remembers discovery and keys for as long as it lives."""

    client_cls = AsyncOAuth2Client

    def __init__(self, issuer: str, application: Application) -> None:
        super().__init__(
            None,
            client_id=application.client_id,
            client_secret=application.client_secret,
            server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={
                "code_challenge_method": "S256",
                "event_hooks": event_hooks(),
                "timeout": 10,
                "trust_env": False,  # every peer is on loopback: a proxy from the environment would only break it
            },
            user_agent="Latchkey-Playground",
        )
        self.issuer = issuer
        self.application = application

    async def discover(self) -> dict[str, Any]:
        """Load the server's metadata and check that it is the issuer's own (OpenID Connect Discovery 4.3).

        Raises:
            RefusedError: the document names another issuer, or lacks an endpoint.
        """
        metadata: dict[str, Any] = await self.load_server_metadata()
        if metadata.get("issuer") != self.issuer:
            raise RefusedError("wrong_issuer", f"expected {self.issuer}, the document says {metadata.get('issuer')}")
        missing = [name for name in _ENDPOINTS if not metadata.get(name)]
        if missing:
            raise RefusedError("incomplete_metadata", f"missing: {', '.join(missing)}")
        offered = metadata.get("id_token_signing_alg_values_supported", ["RS256"])
        metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name in _TRUSTED_ALGORITHMS]
        return metadata

    async def ask_for_device_code(self, scope: str) -> dict[str, Any]:
        """A pair of codes (RFC 8628, 3.1); Authlib has no words for this request of its own.

        Raises:
            RefusedError: the server does not offer it, or refuses.
        """
        metadata = await self.load_server_metadata()
        if not metadata.get("device_authorization_endpoint"):
            raise RefusedError("incomplete_metadata", "missing: device_authorization_endpoint")
        async with self._get_oauth_client(**metadata) as client:
            form = {"client_id": self.client_id, "scope": scope}
            endpoint = metadata["device_authorization_endpoint"]
            response = await client.request("POST", endpoint, data=form, withhold_token=True)
        answer = dict(response.json())
        if "error" in answer:
            raise RefusedError(str(answer["error"]), str(answer.get("error_description", "")))
        response.raise_for_status()
        return answer

    async def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Trade a refresh token for new tokens (RFC 6749, 6)."""
        metadata = await self.load_server_metadata()
        async with self._get_oauth_client(**metadata) as client:
            client.token = {"refresh_token": refresh_token}
            return dict(await client.refresh_token(metadata["token_endpoint"], refresh_token=refresh_token))

    async def validate_id_token(
        self, token: Mapping[str, Any], *, nonce: str | None, response_type: str = "code"
    ) -> dict[str, Any]:
        """The claims of a response's ID token, after every check of OpenID Connect Core 3.1.3.7, 3.2.2.11 or 3.3.2.12.

        Raises:
            JoseError: naming the check that failed.
            RefusedError: there is no ID token in the response.
        """
        if not token.get("id_token"):
            raise RefusedError("no_token", "the response has no id_token although the scope openid was asked for")
        expected = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self.client_id},
        }
        claims = await self.parse_id_token(
            token,
            nonce=nonce,
            claims_options=expected,
            claims_cls=_claims_beside(token, response_type),
            leeway=CLOCK_DIFFERENCE,
        )
        return dict(claims)


def _claims_beside(token: Mapping[str, Any], response_type: str) -> Callable[..., Any]:
    """Authlib's rules for the claims, with the code and access token that at_hash and c_hash are checked against."""
    kind = get_claim_cls_by_response_type(response_type)
    beside = {name: token[name] for name in ("code", "access_token") if name in token}

    def claims(claims: Any, header: Any, options: Any, parameters: Mapping[str, Any]) -> Any:
        return kind(claims, header, options, {**parameters, **beside})

    return claims
