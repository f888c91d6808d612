"""A tiny OpenID provider that behaves, unless a test tells it to lie. Everybody who comes is Ada, and allows everything."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

ADA = "ada-0001"
Change = Callable[[dict[str, Any]], object]


def half_hash(value: str) -> str:
    """at_hash and c_hash for RS256 (OpenID Connect Core 3.3.2.11)."""
    return base64.urlsafe_b64encode(hashlib.sha256(value.encode()).digest()[:16]).decode().rstrip("=")


def _unchanged(_: dict[str, Any]) -> None:
    """What a test replaces to make the provider lie."""


@dataclass
class Provider:
    """Its answers pass through the `lie_in_…` functions just before they are signed or sent."""

    issuer: str
    lie_in_answer: Change = _unchanged
    lie_in_id_token: Change = _unchanged
    lie_in_metadata: Change = _unchanged
    lie_in_userinfo: Change = _unchanged
    signs_with_unknown_key: bool = False
    signs_with_public_key: bool = False
    """HS256 with what everybody can read in /jwks as the secret."""
    token_refusal: tuple[int, dict[str, str]] | None = None
    issued: list[str] = field(default_factory=list)
    """Every secret that was sent or seen: none may ever be on the page in full."""
    token_requests: list[dict[str, str]] = field(default_factory=list)
    device_answers: list[str] = field(default_factory=list)
    """Errors returned to successive polls; after them the user (Ada) has approved."""

    def __post_init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.unknown_key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self._signed_in_at = int(time.time()) - 5
        self._codes: dict[str, dict[str, str]] = {}
        self._refresh_tokens: set[str] = set()

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/.well-known/openid-configuration", self._metadata),
                web.get("/jwks", self._jwks),
                web.get("/authorize", self._authorize),
                web.post("/token", self._token),
                web.post("/device_authorization", self._device_authorization),
                web.get("/userinfo", self._userinfo),
                web.get("/logout", self._logout),
            ]
        )
        return app

    async def _metadata(self, _request: web.Request) -> web.Response:
        metadata: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "device_authorization_endpoint": f"{self.issuer}/device_authorization",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/logout",
            "id_token_signing_alg_values_supported": ["RS256"],
            "authorization_response_iss_parameter_supported": True,
        }
        self.lie_in_metadata(metadata)
        return web.json_response(metadata)

    async def _jwks(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.as_dict(private=False)]})

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        answer = {**self._asked_for(asked), "state": asked["state"], "iss": self.issuer}
        self.lie_in_answer(answer)
        if asked.get("response_mode") == "form_post":
            fields = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in answer.items())
            form = f'<form method="post" action="{asked["redirect_uri"]}">{fields}</form>'
            return web.Response(text=form, content_type="text/html")
        separator = "?" if asked["response_type"] == "code" else "#"
        raise web.HTTPFound(f"{asked['redirect_uri']}{separator}{urlencode(answer)}")

    def _asked_for(self, asked: dict[str, str]) -> dict[str, str]:
        """What comes through the browser (OpenID Connect Core 3.2.2.5, 3.3.2.5)."""
        words = asked["response_type"].split()
        answer: dict[str, str] = {}
        hashes: dict[str, str] = {}
        if "code" in words:
            answer["code"] = self._secret()
            self._codes[answer["code"]] = asked
            hashes["c_hash"] = half_hash(answer["code"])
        if "token" in words:
            answer |= {name: str(value) for name, value in self._tokens(asked["client_id"]).items()}
            hashes["at_hash"] = half_hash(answer["access_token"])
        if "id_token" in words:
            profile = {"name": "Ada Lovelace", "preferred_username": "ada"} if words == ["id_token"] else {}
            answer["id_token"] = self._id_token(asked["client_id"], nonce=asked["nonce"], **hashes, **profile)
        return answer

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.token_requests.append(form)
        if self.token_refusal:
            status, content = self.token_refusal
            return web.json_response(content, status=status)
        if form["grant_type"].endswith("device_code"):
            return self._poll(form)
        client_id, _, client_secret = (
            base64.b64decode(request.headers["Authorization"].split()[1]).decode().partition(":")
        )
        self.issued.append(client_secret)
        match form["grant_type"]:
            case "authorization_code":
                return self._redeem(client_id, form)
            case "refresh_token":
                return self._refresh(client_id, form)
            case "password":
                self.issued.append(form["password"])
                return web.json_response(self._tokens(client_id) | {"id_token": self._id_token(client_id)})
        return web.json_response(self._tokens(client_id))

    async def _device_authorization(self, request: web.Request) -> web.Response:
        assert (await request.post())["client_id"] == "device"
        return web.json_response(
            {
                "device_code": self._secret(),
                "user_code": "WDJB-MJHT",
                "verification_uri": f"{self.issuer}/device",
                "verification_uri_complete": f"{self.issuer}/device?user_code=WDJB-MJHT",
                "expires_in": 600,
                "interval": 5,
            }
        )

    def _poll(self, form: dict[str, str]) -> web.Response:
        if self.device_answers:
            return web.json_response({"error": self.device_answers.pop(0)}, status=400)
        client_id = form["client_id"]
        tokens = self._tokens(client_id) | {"id_token": self._id_token(client_id)}
        return web.json_response(tokens | {"refresh_token": self._refresh_token()})

    def _redeem(self, client_id: str, form: dict[str, str]) -> web.Response:
        asked = self._codes.pop(form["code"], None)
        self.issued.append(form["code_verifier"])
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if not asked or base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(
            self._tokens(client_id)
            | {"refresh_token": self._refresh_token(), "id_token": self._id_token(client_id, nonce=asked["nonce"])}
        )

    def _refresh(self, client_id: str, form: dict[str, str]) -> web.Response:
        if form["refresh_token"] not in self._refresh_tokens:
            return web.json_response({"error": "invalid_grant", "error_description": "used"}, status=400)
        self._refresh_tokens.discard(form["refresh_token"])
        return web.json_response(
            self._tokens(client_id) | {"refresh_token": self._refresh_token(), "id_token": self._id_token(client_id)}
        )

    async def _userinfo(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.issued:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            return web.json_response({"error": "invalid_token"}, status=401, headers=challenge)
        claims = {"sub": ADA, "name": "Ada Lovelace", "preferred_username": "ada", "email": "ada@example.com"}
        self.lie_in_userinfo(claims)
        return web.json_response(claims)

    async def _logout(self, request: web.Request) -> web.Response:
        query = urlencode({"state": request.query["state"]})
        raise web.HTTPFound(f"{request.query['post_logout_redirect_uri']}?{query}")

    def _tokens(self, client_id: str) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": client_id,
            "aud": self.issuer,
            "iat": now,
            "exp": now + 600,
            "scope": "openid",
        }
        access_token = jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": "one"}, claims, self.key)
        self.issued.append(access_token)
        return {"access_token": access_token, "token_type": "Bearer", "expires_in": 600, "scope": "openid"}

    def _id_token(self, client_id: str, **more: str) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": ADA,
            "aud": client_id,
            "iat": now,
            "exp": now + 600,
            "auth_time": self._signed_in_at,
            "amr": ["pwd"],
            **more,
        }
        self.lie_in_id_token(claims)
        token = self._signed(claims)
        self.issued.append(token)
        return token

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.signs_with_public_key:
            secret = OctKey.import_key(json.dumps(self.key.as_dict(private=False)))
            return jwt.encode({"alg": "HS256", "kid": "one"}, claims, secret, algorithms=["HS256"])
        key = self.unknown_key if self.signs_with_unknown_key else self.key
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)

    def _refresh_token(self) -> str:
        token = self._secret()
        self._refresh_tokens.add(token)
        return token

    def _secret(self) -> str:
        secret = secrets.token_urlsafe(32)
        self.issued.append(secret)
        return secret
