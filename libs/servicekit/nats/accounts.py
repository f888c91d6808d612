"""NATS accounts as files: keys, and the JWTs that a server in operator mode trusts.

Who signs whom: operator -> account -> user. The server is configured with the operator's and the account's JWT only, so
a user can be made at any time, anywhere, without touching it. Everything here is pure: no files, no clock, no network.

Keys are nkeys: an Ed25519 seed in base32 whose first letters tell the kind (SO operator, SA account, SU user); the
public key likewise (O, A, U). A token is a JWT with `alg` "ed25519-nkey" whose `iss` and `sub` are public nkeys and
whose member `nats` holds the claims, version 2 (the format of github.com/nats-io/jwt/v2).
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
_ANSWER_NANOSECONDS = 10 * 10**9
_LIMITS = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
_JETSTREAM_LIMITS = ("mem_storage", "disk_storage", "streams", "consumer")
"""An account without these has no JetStream."""


@dataclass(frozen=True)
class Rights:
    """Subjects that a user may publish to and subscribe to, with NATS wildcards. None given: none allowed."""

    publish: Sequence[str]
    subscribe: Sequence[str]
    answers: bool = False
    """May also answer what it is asked, once, wherever the question says."""


@dataclass(frozen=True)
class Offer:
    """Requests that an account answers for another one, which asks under a name of its own.

    Whoever asks from the other account can be answered there only: no subject of the offering account can be named as
    the place for the answer.

    Args:
        subject: of the request, with NATS wildcards.
        asked_as: the same subject in the other account, with `$1`, `$2` for the wildcards; empty: by the same name.
        many_answers: a request is answered by any number of messages.
    """

    name: str
    subject: str
    asked_as: str = ""
    many_answers: bool = False


def new_seed(kind: Literal["operator", "account", "user"], randomness: bytes) -> Seed:
    """A key of that kind from 32 random bytes. An account's signing key is of the kind "account" as well."""
    if len(randomness) != SEED_BYTES:
        raise ValueError(f"a seed is made from {SEED_BYTES} random bytes")
    return Seed(nkeys.encode_seed(randomness, _PREFIXES[kind]).decode())


def public_key(seed: Seed) -> PublicKey:
    return PublicKey(nkeys.from_seed(seed.encode()).public_key.decode())


def operator_jwt(name: str, operator: Seed, *, now: datetime) -> str:
    """The root of trust; it signs itself."""
    return _sign(operator, name=name, subject=public_key(operator), claims={"type": "operator"}, now=now)


def account_jwt(
    name: str,
    account: PublicKey,
    *,
    operator: Seed,
    signing_keys: Sequence[PublicKey] = (),
    jetstream: bool = False,
    offers: Sequence[Offer] = (),
    takes: Sequence[Offer] = (),
    taken_from: PublicKey | None = None,
    now: datetime,
) -> str:
    """An account without limits; its users may be signed by its own key or by one of `signing_keys`.

    Args:
        offers: what it answers for other accounts.
        takes: what it asks of the account `taken_from`.
    """
    limited = _LIMITS + (_JETSTREAM_LIMITS if jetstream else ())
    claims = {
        "type": "account",
        "limits": {**dict.fromkeys(limited, _UNLIMITED), "wildcards": True},
        "signing_keys": list(signing_keys),
        "default_permissions": {"pub": {}, "sub": {}},
        "exports": [_export(offer) for offer in offers],
        "imports": [_import(offer, taken_from) for offer in takes],
    }
    return _sign(operator, name=name, subject=account, claims=claims, now=now)


def user_jwt(name: str, user: PublicKey, *, account: PublicKey, signer: Seed, rights: Rights, now: datetime) -> str:
    """A user of `account`, signed by that account's key or by one of its signing keys."""
    claims: dict[str, Any] = {
        "type": "user",
        "issuer_account": account,
        "pub": _permission(rights.publish),
        "sub": _permission(rights.subscribe),
        **dict.fromkeys(("subs", "data", "payload"), _UNLIMITED),
    }
    if rights.answers:
        claims["resp"] = {"max": 1, "ttl": _ANSWER_NANOSECONDS}
    return _sign(signer, name=name, subject=user, claims=claims, now=now)


def creds(jwt: str, seed: Seed) -> str:
    """The text of a `.creds` file: the form in which every NATS client takes a user."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        "************************* IMPORTANT *************************\n"
        "The seed below is a secret: whoever has it can act as this user.\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


def _export(offer: Offer) -> dict[str, str]:
    kind = "Stream" if offer.many_answers else "Singleton"
    return {"name": offer.name, "subject": offer.subject, "type": "service", "response_type": kind}


def _import(offer: Offer, account: PublicKey | None) -> dict[str, str]:
    if account is None:
        raise ValueError("what is taken is taken from somebody")
    here = {"local_subject": offer.asked_as} if offer.asked_as else {}
    return {"name": offer.name, "subject": offer.subject, "account": account, "type": "service", **here}


def _permission(subjects: Sequence[str]) -> dict[str, list[str]]:
    # The server reads an empty list as "everything", so nothing has to be said as "all denied".
    return {"allow": list(subjects)} if subjects else {"deny": [">"]}


def _sign(signer: Seed, *, name: str, subject: PublicKey, claims: dict[str, Any], now: datetime) -> str:
    body = {
        "iat": int(now.timestamp()),
        "iss": public_key(signer),
        "name": name,
        "sub": subject,
        "nats": {**claims, "version": 2},
    }
    # As the Go library does: the id is a digest of the claims without it.
    body["jti"] = base64.b32encode(hashlib.sha256(_json(body)).digest()).decode().rstrip("=")
    signed = f"{_base64url(_json({'typ': 'JWT', 'alg': 'ed25519-nkey'}))}.{_base64url(_json(body))}"
    return f"{signed}.{_base64url(nkeys.from_seed(signer.encode()).sign(signed.encode()))}"


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
