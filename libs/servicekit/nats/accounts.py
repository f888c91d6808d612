"""NATS accounts: keys, and the JWTs that a NATS server in operator mode trusts.

The operator signs accounts, an account signs its users. The server is configured with the JWTs of the operator and the
accounts only, so users can be created without changing the server. All functions are pure: no files, clock or network.

Keys are nkeys: an Ed25519 seed in base32 with a prefix for the kind (SO operator, SA account, SU user). Public keys
have the prefixes O, A and U. A token is a JWT with `alg` "ed25519-nkey"; its `iss` and `sub` are public nkeys, and its
member `nats` contains the claims, version 2 (the format of github.com/nats-io/jwt/v2).
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NewType

import nkeys

Seed = NewType("Seed", str)
"""An nkey seed: a secret."""
PublicKey = NewType("PublicKey", str)

SEED_BYTES = 32
_PREFIXES = {
    "operator": nkeys.PREFIX_BYTE_OPERATOR,
    "account": nkeys.PREFIX_BYTE_ACCOUNT,
    "user": nkeys.PREFIX_BYTE_USER,
}
_UNLIMITED = -1
_RESPONSE_NANOSECONDS = 10 * 10**9
_LIMITS = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
_JETSTREAM_LIMITS = ("mem_storage", "disk_storage", "streams", "consumer")
"""An account without these has no JetStream."""


@dataclass(frozen=True)
class Rights:
    """Subjects that a user may publish to and subscribe to, with NATS wildcards. Empty: none."""

    publish: Sequence[str]
    subscribe: Sequence[str]
    responses: bool = False
    """Whether the user may also send one response to each request, to the reply subject of the request."""


@dataclass(frozen=True)
class Export:
    """A subject of one account that another account may import.

    A request from the importing account is answered in that account: it cannot name a subject of the exporting account
    as the place for the response.

    Args:
        subject: with NATS wildcards.
        kind: `service` for requests that the exporting account answers, `stream` for messages that it publishes.
        local_subject: the same subject in the importing account; empty: the same name.
        many_responses: a request gets any number of responses.
    """

    name: str
    subject: str
    kind: Literal["service", "stream"] = "service"
    local_subject: str = ""
    many_responses: bool = False


def new_seed(kind: Literal["operator", "account", "user"], randomness: bytes) -> Seed:
    """Return a seed made from 32 random bytes. An account's signing key has the kind "account"."""
    if len(randomness) != SEED_BYTES:
        raise ValueError(f"a seed is made from {SEED_BYTES} random bytes")
    return Seed(nkeys.encode_seed(randomness, _PREFIXES[kind]).decode())


def public_key(seed: Seed) -> PublicKey:
    return PublicKey(nkeys.from_seed(seed.encode()).public_key.decode())


def operator_jwt(name: str, operator: Seed, *, now: datetime) -> str:
    """Return the self-signed JWT of the operator, the root of trust."""
    return _sign(operator, name=name, subject=public_key(operator), claims={"type": "operator"}, now=now)


def account_jwt(
    name: str,
    account: PublicKey,
    *,
    operator: Seed,
    signing_keys: Sequence[PublicKey] = (),
    jetstream_bytes: int = 0,
    exports: Sequence[Export] = (),
    imports: Sequence[tuple[Export, PublicKey]] = (),
    now: datetime,
) -> str:
    """The JWT of an account. Its users may be signed by its own key or by one of `signing_keys`.

    Args:
        jetstream_bytes: file storage that its streams may take; 0: the account has no JetStream.
        imports: each export with the account that it is imported from.
    """
    limits = dict.fromkeys(_LIMITS + (_JETSTREAM_LIMITS if jetstream_bytes else ()), _UNLIMITED)
    if jetstream_bytes:
        limits["disk_storage"] = jetstream_bytes
    claims = {
        "type": "account",
        "limits": {**limits, "wildcards": True},
        "signing_keys": list(signing_keys),
        "default_permissions": {"pub": {}, "sub": {}},
        "exports": [_export(export) for export in exports],
        "imports": [_import(export, account) for export, account in imports],
    }
    return _sign(operator, name=name, subject=account, claims=claims, now=now)


def user_jwt(name: str, user: PublicKey, *, account: PublicKey, signer: Seed, rights: Rights, now: datetime) -> str:
    """Return the JWT of a user of `account`, signed by that account's key or by one of its signing keys."""
    claims: dict[str, Any] = {
        "type": "user",
        "issuer_account": account,
        "pub": _permission(rights.publish),
        "sub": _permission(rights.subscribe),
        **dict.fromkeys(("subs", "data", "payload"), _UNLIMITED),
    }
    if rights.responses:
        claims["resp"] = {"max": 1, "ttl": _RESPONSE_NANOSECONDS}
    return _sign(signer, name=name, subject=user, claims=claims, now=now)


def creds(jwt: str, seed: Seed) -> str:
    """Return the text of a `.creds` file, which NATS clients read to authenticate as this user."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        "************************* IMPORTANT *************************\n"
        "The seed below is a secret: it allows access as this user.\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


def _export(export: Export) -> dict[str, str]:
    made = {"name": export.name, "subject": export.subject, "type": export.kind}
    if export.kind == "service":
        made["response_type"] = "Stream" if export.many_responses else "Singleton"
    return made


def _import(export: Export, account: PublicKey) -> dict[str, str]:
    here = {"local_subject": export.local_subject} if export.local_subject else {}
    return {"name": export.name, "subject": export.subject, "account": account, "type": export.kind, **here}


def _permission(subjects: Sequence[str]) -> dict[str, list[str]]:
    # An empty list would allow every subject, so deny all instead.
    return {"allow": list(subjects)} if subjects else {"deny": [">"]}


def _sign(signer: Seed, *, name: str, subject: PublicKey, claims: dict[str, Any], now: datetime) -> str:
    body = {
        "iat": int(now.timestamp()),
        "iss": public_key(signer),
        "name": name,
        "sub": subject,
        "nats": {**claims, "version": 2},
    }
    # As in github.com/nats-io/jwt: jti is a digest of the other claims.
    body["jti"] = base64.b32encode(hashlib.sha256(_json(body)).digest()).decode().rstrip("=")
    signed = f"{_base64url(_json({'typ': 'JWT', 'alg': 'ed25519-nkey'}))}.{_base64url(_json(body))}"
    return f"{signed}.{_base64url(nkeys.from_seed(signer.encode()).sign(signed.encode()))}"


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
