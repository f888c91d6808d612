"""Small parts that tests of the token service put together: each shows only what matters."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast

from joserfc import jwt as reference_jwt
from joserfc.jwk import KeySet as ReferenceKeys

from libs.crypto.jwt import KeySet, SigningKey, VerificationKey, sign_jwt
from libs.oauth.client_metadata import parse_metadata
from libs.oauth.errors import InvalidGrant, TemporarilyUnavailable
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from services.token.domain.authorization.authorization_request import AuthorizationRequest
from services.token.domain.clients.client import Client, ClientSecret
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.domain.tokens.retired_keys import PresentedAs

ISSUER = "https://issuer.example"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
REDIRECT_URI = "https://client.example/cb"
LOOPBACK_URI = "http://127.0.0.1/cb"
PRIVATE_URI = "com.example.app:/cb"
ALICE = "0196a000-0000-7000-8000-00000000a11c"
BOB = "0196a000-0000-7000-8000-000000000b0b"
VERIFIER = "a-verifier-that-has-more-than-forty-three-characters"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
WEB: Mapping[str, Any] = {
    "client_name": "Shop",
    "redirect_uris": [REDIRECT_URI],
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": "openid profile email offline_access notes",
}


class Clock:
    def __init__(self, moment: datetime = NOON) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def move(self, by: timedelta) -> None:
        self.moment += by


def a_client(*, client_id: str = "c_shop", secrets: Sequence[ClientSecret] = (), **metadata: Any) -> Client:
    """A confidential web client; `metadata` replaces members."""
    return Client(client_id, parse_metadata({**WEB, **metadata}), tuple(secrets), created_at=NOON, updated_at=NOON)


def a_native_client(**metadata: Any) -> Client:
    """A public client on the user's device."""
    return a_client(**{"token_endpoint_auth_method": "none", "redirect_uris": [LOOPBACK_URI, PRIVATE_URI], **metadata})


def parameters_of(**changes: Any) -> dict[str, str]:
    """A request that passes every check, with changes; None leaves a parameter out."""
    whole = {
        "client_id": "c_shop",
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "scope": "openid notes",
        "state": "a state",
        "nonce": "a nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def a_request(*, redirect_uri: str = REDIRECT_URI, **changes: Any) -> AuthorizationRequest:
    """Not judged yet."""
    return AuthorizationRequest(parameters=Parameters(parameters_of(**changes)), redirect_uri=redirect_uri)


def a_session(user_id: str = ALICE, *, at: datetime = NOON - MINUTE, session_id: str = "s-1") -> AuthenticatedSession:
    return AuthenticatedSession(
        session_id=session_id,
        user_id=user_id,
        authenticated_at=at,
        acr="urn:latchkey:acr:password",
        amr=("pwd",),
    )


@cache
def signing_key(alg: str, which: int = 0) -> SigningKey:
    """Made once in a run: an RSA key takes a while."""
    return SigningKey.generate(alg)


class HeldKeys:
    """The Keys port on real keys; `missing` algorithms have none at the moment."""

    def __init__(self, *algs: str) -> None:
        self._signing = {alg: signing_key(alg) for alg in algs or ("ES256", "RS256")}
        self.missing: set[str] = set()
        self.unseen = False
        self.seen: list[tuple[str, PresentedAs]] = []

    def record_presented(self, token: str, presented_as: PresentedAs) -> None:
        self.seen.append((token, presented_as))

    async def sign(self, claims: Mapping[str, Any], *, alg: str, typ: str, now: datetime) -> str:
        if alg in self.missing:
            raise TemporarilyUnavailable(reason=Reason.KEY_MISSING, retry_after=5)
        return sign_jwt(claims, self._signing[alg], typ=typ)

    @property
    def verification(self) -> KeySet:
        if self.unseen:
            raise TemporarilyUnavailable(reason=Reason.KEY_VIEW_MISSING, retry_after=5)
        return KeySet(VerificationKey.from_jwk(key.public_jwk()) for key in self._signing.values())


@dataclass(frozen=True)
class Decoded:
    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def read_token(token: str, *algs: str) -> Decoded:
    """What an independent library reads and verifies in a token that `signing_key` signed."""
    jwks = {"keys": [signing_key(alg).public_jwk() for alg in ("ES256", "RS256")]}
    decoded = reference_jwt.decode(token, ReferenceKeys.import_key_set(cast(Any, jwks)), algorithms=[*algs])
    return Decoded(decoded.header, decoded.claims)


def signed_by(key: SigningKey, claims: Mapping[str, Any], *, typ: str = "JWT", **header: Any) -> str:
    """A token as an independent library makes it."""
    from joserfc.jwk import ECKey, RSAKey  # noqa: PLC0415 - side by side with the choice below

    kind = ECKey if key.alg == "ES256" else RSAKey
    return reference_jwt.encode(
        {"alg": key.alg, "kid": key.kid, "typ": typ, **header}, dict(claims), kind.import_key(key.to_pkcs8())
    )


def an_id_token(key: SigningKey | None = None, **changes: Any) -> str:
    """An ID token of this server, as clients send it back as a hint; `changes` replace claims, or remove them by None."""
    claims = {
        "iss": ISSUER,
        "sub": ALICE,
        "aud": "c_shop",
        "iat": int((NOON - MINUTE).timestamp()),
        "exp": int((NOON + 9 * MINUTE).timestamp()),
        "sid": "s-1",
        **changes,
    }
    present = {name: value for name, value in claims.items() if value is not None}
    return signed_by(key or signing_key("RS256"), present)


@dataclass
class KnownClients:
    """The ClientDirectory port over a few clients; counts how often it was emptied."""

    clients: dict[str, Client] = field(default_factory=dict)
    forgotten: int = 0

    @classmethod
    def of(cls, *clients: Client) -> "KnownClients":
        return cls({client.client_id: client for client in clients})

    async def find(self, client_id: str) -> Client | None:
        return self.clients.get(client_id)

    def forget(self) -> None:
        self.forgotten += 1


NAMED_CAUSES = {
    "CODE_EXPIRED": "The code has expired.",
    "CODE_REPLAYED": "The code has already been used.",
    "GRANT_REVOKED": "The grant was revoked.",
    "PKCE_DOWNGRADE": "code_verifier ",
    "PKCE_MISMATCH": "code_verifier does not match code_challenge",
    "REDIRECT_URI_MISMATCH": "redirect_uri is ",
    "REFRESH_TOKEN_EXPIRED": "The refresh token has expired.",
    "SESSION_ENDED": "The session of the user has ended.",
}
"""Causes of invalid_grant that the response names, since knowing them helps no attacker, and how it begins."""


def names_no_more_than_permitted(error: InvalidGrant) -> bool:
    """Whether the description names the cause if, and only if, it may."""
    cause = NAMED_CAUSES.get(error.reason, InvalidGrant.default_description)
    return error.description.startswith(cause)
