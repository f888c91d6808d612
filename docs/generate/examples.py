"""One example of every event: made by the code that makes the real one, otherwise its golden file.

Golden files hold the form of events and no more: their values are placeholders, and who did it and how it came out are
the same for all of them.
"""

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from docs.generate.sources import ROOT
from libs.oauth import acr
from libs.servicekit.events.event import Event, envelope
from services.authentication import events as authentication
from services.authentication.domain.factors.factor import Factor, FactorKind
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import AMR_PASSWORD, EndedSession, EndReason, Session
from services.key_rotation import events as key_rotation
from services.key_rotation.domain.keys import Key, KeyState
from services.token import events as token
from services.token.domain.tokens.grants import Grant

GOLDEN: Final = ROOT / "tests" / "contract" / "golden"
_NOW: Final = datetime(2026, 3, 1, 9, 30, 0, 250_000, tzinfo=UTC)
_USER: Final = "019ca8c1-52fa-7b3e-9b1d-3f2a8e5c7d10"
_SESSION: Final = "019ca8c1-52fa-7c41-8d26-90b7f1e3a652"
_FACTOR: Final = "019ca8c1-7a0c-7d22-b6a1-4c3e2f100a9d"
_GRANT: Final = "019ca8c1-7a0c-7f18-a3c9-5d4e60712b8f"
_TOKEN: Final = "019ca8c1-7a11-7290-b0e4-16c8d95f3a07"
_REQUEST: Final = "019ca8c1-1e85-7d6a-84f7-c2b09a3e5d41"
_CLIENT: Final = "c_zwrvfltcy2p3d5wdzduma2ugmy"
_SCOPES: Final = ("openid", "profile")
_RESOURCES: Final = ("https://orders.example/api",)
_TRACEPARENT: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

Envelope = Mapping[str, Any]


def examples() -> dict[str, Envelope]:
    """Name of the event -> an envelope."""
    return golden(GOLDEN) | {event.name: _enveloped(event) for event in made()}


def golden(folder: Path) -> dict[str, Envelope]:
    """The envelopes among the JSON files of a folder, by the event's name; the first one of each."""
    found: dict[str, Envelope] = {}
    for path in sorted(folder.rglob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        kind = content.get("type") if isinstance(content, dict) and "specversion" in content else None
        if isinstance(kind, str):
            found.setdefault(kind.removeprefix("latchkey.").removesuffix(".v1"), content)
    return found


def made() -> Iterable[Event]:
    """Every event, made by the code of its service."""
    return (*_of_authentication(), *_of_users_and_tokens(), *_of_clients(), *_of_keys())


def _enveloped(event: Event) -> Envelope:
    # From the name, so that a new event leaves the examples of the others as they are.
    last = zlib.crc32(event.name.encode())
    parsed: Envelope = json.loads(
        envelope(
            event,
            event_id=f"019ca8c1-7a1b-7c05-9e37-{last:012x}",
            issuer="https://id.example.com",
            time=_NOW,
            sequence=1 + last % 50,
            traceparent=_TRACEPARENT,
        )
    )
    return parsed


def _of_authentication() -> Iterable[Event]:
    origin = Origin(ip_prefix="203.0.113.0/24", client_id=_CLIENT, correlation_id=_REQUEST)
    operator = authentication.operator("cli")
    session = Session(
        id=_SESSION,
        user_id=_USER,
        authenticated_at=_NOW,
        expires_at=_NOW,
        last_seen_at=_NOW,
        acr=acr.PASSWORD,
        amr=AMR_PASSWORD,
    )
    factor = Factor(id=_FACTOR, kind=FactorKind.TOTP, name="", created_at=_NOW, last_used_at=None)
    return (
        *authentication.signed_in(session, origin=origin),
        authentication.login_failed(user_id=_USER, subject=_USER, origin=origin),
        *authentication.sessions_ended(
            [EndedSession(_SESSION, _USER)], EndReason.SIGNED_OUT, actor=authentication.user(_USER)
        ),
        authentication.account_created(_USER, actor=operator),
        authentication.account_disabled(_USER, actor=operator),
        authentication.password_changed(_USER, actor=operator),
        authentication.stepped_up(replace(session, acr=acr.MFA, amr=("pwd", "otp", "mfa")), origin=origin),
        authentication.factor_added(_USER, factor, actor=authentication.user(_USER)),
        *authentication.factors_removed(_USER, [factor], actor=authentication.user(_USER)),
        authentication.recovery_codes_created(_USER),
    )


def _of_users_and_tokens() -> Iterable[Event]:
    grant = Grant(
        grant_id=_GRANT,
        client_id=_CLIENT,
        user_id=_USER,
        session_id=_SESSION,
        scopes=_SCOPES,
        offline=False,
        authenticated_at=_NOW,
        acr=acr.PASSWORD,
        amr=AMR_PASSWORD,
        created_at=_NOW,
    )
    return (
        token.consent_granted(
            user_id=_USER, client_id=_CLIENT, scopes=_SCOPES, resources=_RESOURCES, correlation_id=_REQUEST
        ),
        token.consent_denied(user_id=_USER, client_id=_CLIENT, scopes=_SCOPES, correlation_id=_REQUEST),
        token.code_redeemed(grant, correlation_id=_REQUEST),
        token.code_replayed(grant, correlation_id=_REQUEST),
        token.token_issued(
            client_id=_CLIENT,
            grant_type="authorization_code",
            scopes=_SCOPES,
            token_id=_TOKEN,
            grant=grant,
            correlation_id=_REQUEST,
        ),
        token.token_refreshed(grant, scopes=_SCOPES, token_id=_TOKEN),
        token.token_revoked(user_id=_USER, client_id=_CLIENT, grant_id=_GRANT, reason="code_replayed"),
        token.token_reuse_detected(grant),
        token.telemetry_gap(dropped=120),
    )


def _of_clients() -> Iterable[Event]:
    return (
        token.client_created(_CLIENT, client_name="Night job", by="operator"),
        token.client_updated(_CLIENT, by="operator"),
        token.client_secret_rotated(_CLIENT),
        token.client_deleted(_CLIENT, by="operator"),
        token.admin_acted("initial_access_token.created", target_id=_TOKEN),
    )


def _of_keys() -> Iterable[Event]:
    first = Key(
        kid="hi_WFFRq7aiyhuNGVJrML-XCrzoIYDCrSS7aDa9O1xY",
        alg="ES256",
        state=KeyState.ACTIVE,
        public_jwk="{}",
        private=None,
        published_at=_NOW,
        activates_at=_NOW,
    )
    return key_rotation.key_created(first)
