"""The events that this service makes true (protos/latchkey/events/v1), each in one place."""

from typing import Literal

from latchkey.events.v1 import events_pb2 as e
from libs.servicekit.events.event import Actor, Event
from services.token.domain.tokens.grants import Grant

By = Literal["operator", "itself", "housekeeping"]
"""Who registers, changes and removes a client."""
AdminAction = Literal["initial_access_token.created", "initial_access_token.revoked"]
_ADMIN = Actor("admin", "cli")
_SYSTEM = Actor("system")


def consent_granted(
    *, user_id: str, client_id: str, scopes: tuple[str, ...], resources: tuple[str, ...], correlation_id: str
) -> Event:
    data = e.ConsentGranted(user_id=user_id, client_id=client_id, scopes=scopes, resources=resources)
    return Event(data, user_id, Actor("user", user_id), correlation_id=correlation_id)


def consent_denied(*, user_id: str, client_id: str, scopes: tuple[str, ...], correlation_id: str) -> Event:
    data = e.ConsentDenied(user_id=user_id, client_id=client_id, scopes=scopes)
    return Event(data, user_id, Actor("user", user_id), outcome="failure", correlation_id=correlation_id)


def consent_withdrawn(*, user_id: str, client_id: str, by_operator: bool = False) -> Event:
    actor = _ADMIN if by_operator else Actor("user", user_id)
    return Event(e.ConsentWithdrawn(user_id=user_id, client_id=client_id), user_id, actor)


def code_redeemed(grant: Grant, *, correlation_id: str) -> Event:
    data = e.CodeRedeemed(
        user_id=grant.user_id, client_id=grant.client_id, grant_id=grant.grant_id, session_id=grant.session_id
    )
    return Event(data, grant.user_id, Actor("client", grant.client_id), correlation_id=correlation_id)


def code_replayed(grant: Grant, *, correlation_id: str) -> Event:
    data = e.CodeReplayed(user_id=grant.user_id, client_id=grant.client_id, grant_id=grant.grant_id)
    return Event(
        data, grant.user_id, Actor("client", grant.client_id), outcome="failure", correlation_id=correlation_id
    )


def token_issued(
    *, client_id: str, grant_type: str, scopes: tuple[str, ...], token_id: str, grant: Grant | None, correlation_id: str
) -> Event:
    data = e.TokenIssued(
        user_id=grant.user_id if grant else "",
        client_id=client_id,
        grant_type=grant_type,
        scopes=scopes,
        token_id=token_id,
        grant_id=grant.grant_id if grant else "",
    )
    subject = grant.user_id if grant else client_id
    return Event(data, subject, Actor("client", client_id), correlation_id=correlation_id)


def token_refreshed(grant: Grant, *, scopes: tuple[str, ...], token_id: str) -> Event:
    data = e.TokenRefreshed(
        user_id=grant.user_id, client_id=grant.client_id, grant_id=grant.grant_id, scopes=scopes, token_id=token_id
    )
    return Event(data, grant.user_id, Actor("client", grant.client_id))


SessionEnd = Literal[
    "signed_out",
    "replaced",
    "password_changed",
    "account_disabled",
    "account_deleted",
    "expired",
    "factors_reset",
    "revoked_by_operator",
]
"""Why a session ended, as the authentication service tells it."""
RevocationReason = (
    Literal["code_replayed", "refresh_token_reused", "client_deleted", "revoked_by_client", "consent_withdrawn"]
    | SessionEnd
)
_REASONS: dict[RevocationReason, e.Reason.ValueType] = {
    "code_replayed": e.REASON_CODE_REPLAYED,
    "refresh_token_reused": e.REASON_REFRESH_TOKEN_REUSED,
    "client_deleted": e.REASON_CLIENT_DELETED,
    "revoked_by_client": e.REASON_REVOKED_BY_CLIENT,
    "consent_withdrawn": e.REASON_CONSENT_WITHDRAWN,
    "signed_out": e.REASON_SIGNED_OUT,
    "replaced": e.REASON_REPLACED,
    "password_changed": e.REASON_PASSWORD_CHANGED,
    "account_disabled": e.REASON_ACCOUNT_DISABLED,
    "account_deleted": e.REASON_ACCOUNT_DELETED,
    "expired": e.REASON_EXPIRED,
    "factors_reset": e.REASON_FACTORS_RESET,
    "revoked_by_operator": e.REASON_REVOKED_BY_OPERATOR,
}


def token_revoked(
    *,
    user_id: str,
    client_id: str,
    grant_id: str,
    reason: RevocationReason,
    token_id: str = "",
    by_operator: bool = False,
) -> Event:
    """A revoked grant, or one revoked access token if `token_id` is set; client credentials have no user or grant."""
    data = e.TokenRevoked(
        user_id=user_id, client_id=client_id, grant_id=grant_id, reason=_REASONS[reason], token_id=token_id
    )
    who = {"revoked_by_client": Actor("client", client_id), "consent_withdrawn": Actor("user", user_id)}
    return Event(data, user_id or client_id, _ADMIN if by_operator else who.get(reason, _SYSTEM))


def token_reuse_detected(grant: Grant) -> Event:
    data = e.TokenReuseDetected(user_id=grant.user_id, client_id=grant.client_id, grant_id=grant.grant_id)
    return Event(data, grant.user_id, Actor("client", grant.client_id), outcome="failure")


def telemetry_gap(*, dropped: int) -> Event:
    return Event(e.TokenTelemetryGap(dropped=dropped), "token-telemetry", _SYSTEM, outcome="failure")


def _actor(by: By, client_id: str) -> Actor:
    return {"operator": _ADMIN, "itself": Actor("client", client_id), "housekeeping": _SYSTEM}[by]


def admin_acted(action: AdminAction, *, target_id: str) -> Event:
    return Event(e.AdminActed(action=action, target_id=target_id), target_id, _ADMIN)


def client_created(client_id: str, *, client_name: str, by: By) -> Event:
    return Event(e.ClientCreated(client_id=client_id, client_name=client_name), client_id, _actor(by, client_id))


def client_updated(client_id: str, *, by: By) -> Event:
    return Event(e.ClientUpdated(client_id=client_id), client_id, _actor(by, client_id))


def client_secret_rotated(client_id: str) -> Event:
    return Event(e.ClientSecretRotated(client_id=client_id), client_id, _ADMIN)


def client_deleted(client_id: str, *, by: By) -> Event:
    return Event(e.ClientDeleted(client_id=client_id), client_id, _actor(by, client_id))
