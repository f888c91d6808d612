"""The contract (protos/latchkey/authentication/v1) to the domain and back."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value

from latchkey.authentication.v1 import accounts_pb2, admin_pb2, factors_pb2, sessions_pb2
from libs.crypto.attestation import attest
from libs.oauth.errors import InvalidRequest
from libs.oauth.reasons import Reason
from libs.servicekit.grpc.timestamps import to_timestamp
from services.authentication.domain.accounts.account import Account, AccountState
from services.authentication.domain.factors.factor import FactorKind
from services.authentication.domain.sessions.origin import Origin
from services.authentication.domain.sessions.session import Session
from services.authentication.usecases.accounts.get_account import AccountResponse
from services.authentication.usecases.factors.own_factors import OwnFactors
from services.authentication.usecases.factors.verify_factor import Proof
from services.authentication.usecases.sessions.get_session import LiveSession
from services.authentication.usecases.sessions.own_sessions import OwnSessions
from services.authentication.usecases.sign_in.find_attempt import OpenAttempt

_LOCALE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")
_STATES = {
    AccountState.ACTIVE: accounts_pb2.ACCOUNT_STATE_ACTIVE,
    AccountState.DISABLED: accounts_pb2.ACCOUNT_STATE_DISABLED,
    AccountState.DELETED: accounts_pb2.ACCOUNT_STATE_DELETED,
}
_FACTOR_KINDS = {
    FactorKind.TOTP: factors_pb2.FACTOR_KIND_TOTP,
    FactorKind.PASSKEY: factors_pb2.FACTOR_KIND_PASSKEY,
    FactorKind.RECOVERY_CODE: factors_pb2.FACTOR_KIND_RECOVERY_CODE,
}
_PROOFS = {
    "totp_code": FactorKind.TOTP,
    "recovery_code": FactorKind.RECOVERY_CODE,
    "passkey": FactorKind.PASSKEY,
}


def origin(context: sessions_pb2.RequestContext) -> Origin:
    return Origin.of(
        remote_address=context.remote_address,
        client_id=context.client_id,
        correlation_id=context.correlation_id,
        device=context.device,
    )


def locale(unverified: str) -> str:
    """A language tag as a page names it; empty for what is none."""
    return unverified if _LOCALE.fullmatch(unverified) else ""


def plain(struct: Struct) -> dict[str, object]:
    """The JSON object that a Struct holds, as it is: nothing in it has been judged."""
    return {name: _plain(value) for name, value in struct.fields.items()}


def session_message(session: Session, *, attested_at: datetime | None = None) -> sessions_pb2.Session:
    return sessions_pb2.Session(
        session_id=session.id,
        user_id=session.user_id,
        authenticated_at=to_timestamp(session.authenticated_at),
        acr=session.acr,
        amr=session.amr,
        attested_at=None if attested_at is None else to_timestamp(attested_at),
    )


def live_session(live: LiveSession | None, *, attestation_key: bytes) -> sessions_pb2.GetSessionResponse:
    """The session in the clear, and the same statement under a MAC that only the token service can check."""
    if live is None:
        return sessions_pb2.GetSessionResponse()
    session = session_message(live.session, attested_at=live.at)
    serialized = session.SerializeToString(deterministic=True)
    return sessions_pb2.GetSessionResponse(
        session=session,
        attested=sessions_pb2.AttestedSession(session=serialized, mac=attest(attestation_key, serialized)),
        display_name=live.account.display_name,
        username=live.account.username,
        signed_in_recently=live.is_recent,
    )


def own_sessions(own: OwnSessions) -> sessions_pb2.ListSessionsResponse:
    return sessions_pb2.ListSessionsResponse(
        sessions=[
            sessions_pb2.ListedSession(
                session_id=each.session.id,
                authenticated_at=to_timestamp(each.session.authenticated_at),
                last_seen_at=to_timestamp(each.session.last_seen_at),
                ip_prefix=each.ip_prefix,
                device=each.device,
                is_current=each.session.id == own.current_id,
            )
            for each in own.sessions
        ]
    )


def factors(own: OwnFactors) -> factors_pb2.ListFactorsResponse:
    return factors_pb2.ListFactorsResponse(
        factors=[
            factors_pb2.Factor(
                factor_id=each.id,
                kind=_FACTOR_KINDS[each.kind],
                name=each.name,
                created_at=to_timestamp(each.created_at),
                last_used_at=None if each.last_used_at is None else to_timestamp(each.last_used_at),
            )
            for each in own.factors
        ],
        recovery_codes_left=own.codes_left,
    )


def open_attempt(attempt: OpenAttempt) -> factors_pb2.GetSignInAttemptResponse:
    return factors_pb2.GetSignInAttemptResponse(
        username=attempt.username,
        is_step_up=attempt.is_step_up,
        kinds=[_FACTOR_KINDS[kind] for kind in attempt.kinds],
        passkey_options=attempt.passkey_options,
    )


def proof(request: factors_pb2.ContinueSignInRequest) -> Proof:
    """Raises InvalidRequest when it shows nothing."""
    name = request.WhichOneof("proof")
    if name is None:
        raise InvalidRequest(
            "proof is missing: send a code or a passkey response.", reason=Reason.PROOF_MISSING, redirectable=False
        )
    return Proof(_PROOFS[name], getattr(request, name))


def account_response(answer: AccountResponse | None) -> accounts_pb2.GetAccountResponse:
    if answer is None:
        return accounts_pb2.GetAccountResponse(state=accounts_pb2.ACCOUNT_STATE_UNSPECIFIED)
    return accounts_pb2.GetAccountResponse(
        state=_STATES[answer.state], session_live=answer.session_live, claims=struct(answer.claims)
    )


def user(account: Account) -> admin_pb2.User:
    return admin_pb2.User(
        user_id=account.id,
        username=account.username,
        state=_STATES[account.state],
        created_at=to_timestamp(account.created_at),
        claims=struct(account.told()),
    )


def struct(members: Mapping[str, Any]) -> Struct:
    struct = Struct()
    struct.update(members)
    return struct


def _plain(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return plain(value.struct_value)
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    return None if kind in {None, "null_value"} else getattr(value, kind)
