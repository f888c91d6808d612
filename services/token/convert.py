"""Protobuf to domain and back, and nothing else."""

import base64
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct

from latchkey.authentication.v1 import sessions_pb2
from latchkey.token.v1 import admin_pb2, authorization_pb2, consents_pb2
from libs.crypto.attestation import verify_attestation
from libs.oauth.errors import InvalidRequest, ServerError
from libs.oauth.parameters import Pair
from libs.oauth.reasons import Reason
from libs.oauth.response_types import ResponseMode
from libs.servicekit.grpc.timestamps import datetime_of, to_timestamp
from services.token.domain.authorization.authorization_response import Next, SendBack
from services.token.domain.authorization.connections import ConsentRecord
from services.token.domain.authorization.interaction import Step
from services.token.domain.authorization.interaction_page import InteractionPage
from services.token.domain.clients.client import Client
from services.token.domain.clients.registrations import InitialAccessToken
from services.token.domain.sessions.session import AuthenticatedSession
from services.token.domain.tokens.retired_keys import RetiredKeyUse

ATTESTATION_LIFETIME = timedelta(seconds=60)
_MODES = {
    ResponseMode.QUERY: authorization_pb2.RESPONSE_MODE_QUERY,
    ResponseMode.FRAGMENT: authorization_pb2.RESPONSE_MODE_FRAGMENT,
    ResponseMode.FORM_POST: authorization_pb2.RESPONSE_MODE_FORM_POST,
}
_KINDS = {
    Step.SIGN_IN: authorization_pb2.INTERACTION_KIND_SIGN_IN,
    Step.STEP_UP: authorization_pb2.INTERACTION_KIND_STEP_UP,
    Step.CONSENT: authorization_pb2.INTERACTION_KIND_CONSENT,
    None: authorization_pb2.INTERACTION_KIND_RESUME,
}


def pairs_of(parameters: Iterable[authorization_pb2.Parameter]) -> list[Pair]:
    return [(parameter.name, parameter.value) for parameter in parameters]


def session_of(request: Any, *, attestation_keys: Sequence[bytes], now: datetime) -> AuthenticatedSession | None:
    """The session in a request, if it has one and the authentication service vouches for it now.

    Raises:
        ServerError: it carries one that the authentication service did not make, or made long ago.
    """
    if not request.HasField("session"):
        return None
    return attested_session(request.session, attestation_keys=attestation_keys, lifetime=ATTESTATION_LIFETIME, now=now)


def attested_session(
    attested: sessions_pb2.AttestedSession, *, attestation_keys: Sequence[bytes], lifetime: timedelta, now: datetime
) -> AuthenticatedSession:
    """A session that the authentication service vouched for, at most `lifetime` ago. Raises ServerError otherwise."""
    if not any(verify_attestation(key, attested.session, attested.mac) for key in attestation_keys):
        raise ServerError(reason=Reason.SESSION_NOT_ATTESTED, redirectable=False)
    session = sessions_pb2.Session.FromString(attested.session)
    if abs(now - datetime_of(session.attested_at)) > lifetime:
        raise ServerError(reason=Reason.SESSION_ATTESTATION_STALE, redirectable=False)
    return AuthenticatedSession(
        session_id=session.session_id,
        user_id=session.user_id,
        authenticated_at=datetime_of(session.authenticated_at),
        acr=session.acr,
        amr=tuple(session.amr),
    )


def to_response(following: Next) -> authorization_pb2.AuthorizeResponse:
    if isinstance(following, SendBack):
        return authorization_pb2.AuthorizeResponse(
            response=authorization_pb2.AuthorizationResponse(
                redirect_uri=following.redirect_uri,
                mode=_MODES[following.mode],
                parameters=[
                    authorization_pb2.Parameter(name=name, value=value) for name, value in following.parameters
                ],
                session_state_client_id=following.session_state_client_id,
            )
        )
    return authorization_pb2.AuthorizeResponse(
        interaction=authorization_pb2.Interaction(request_id=following.request_id, kind=_KINDS[following.step])
    )


def to_interaction(page: InteractionPage) -> authorization_pb2.GetInteractionResponse:
    metadata = page.client.metadata
    return authorization_pb2.GetInteractionResponse(
        client_id=page.client.client_id,
        client_name=metadata.client_name or page.client.client_id,
        logo_uri=metadata.logo_uri,
        policy_uri=metadata.policy_uri,
        tos_uri=metadata.tos_uri,
        scopes=page.scopes,
        resources=page.resources,
        login_hint=page.login_hint,
        ui_locales=page.ui_locales,
        correlation_id=page.correlation_id,
        redirect_origin=page.redirect_origin,
        self_registered=page.client.registration is not None,
    )


def to_connection(client: Client, allowed: ConsentRecord) -> consents_pb2.Connection:
    return consents_pb2.Connection(
        client_id=client.client_id,
        client_name=client.metadata.client_name or client.client_id,
        logo_uri=client.metadata.logo_uri,
        scopes=allowed.scopes,
        resources=allowed.resources,
        allowed_at=to_timestamp(allowed.at),
    )


def to_client(client: Client) -> admin_pb2.Client:
    return admin_pb2.Client(
        client_id=client.client_id,
        metadata=ParseDict(client.metadata.to_json(), Struct()),
        created_at=to_timestamp(client.created_at),
        updated_at=to_timestamp(client.updated_at),
        registration_expires_at=to_timestamp(client.registration.expires_at) if client.registration else None,
    )


def to_initial_access_token(token: InitialAccessToken) -> admin_pb2.InitialAccessToken:
    return admin_pb2.InitialAccessToken(
        token_id=token.token_id,
        uses_left=token.uses_left,
        created_at=to_timestamp(token.created_at),
        expires_at=to_timestamp(token.expires_at),
    )


def to_former_key_use(use: RetiredKeyUse) -> admin_pb2.FormerKeyUse:
    return admin_pb2.FormerKeyUse(
        client_id=use.client_id,
        kid=use.kid,
        presented_as=use.presented_as.value,
        count=use.count,
        first_at=to_timestamp(use.first_at),
        last_at=to_timestamp(use.last_at),
    )


def metadata_of(struct: Struct) -> dict[str, Any]:
    """Members as JSON has them; null stays null."""
    return MessageToDict(struct)


def page_token_of(client: Client) -> str:
    text = f"{client.created_at.isoformat()} {client.client_id}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def after_page_token(token: str) -> tuple[datetime, str] | None:
    """Raises InvalidRequest for a token that this service did not make."""
    if not token:
        return None
    try:
        created_at, client_id = base64.urlsafe_b64decode(token.encode()).decode("ascii").split(" ")
        return datetime.fromisoformat(created_at).astimezone(UTC), client_id
    except (ValueError, OverflowError):
        raise InvalidRequest("page_token is malformed.", reason=Reason.PAGE_TOKEN_MALFORMED) from None
