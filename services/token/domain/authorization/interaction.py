"""What still has to happen before an authorization request is granted (OpenID Connect Core 3.1.2.3, 3.1.2.4).

Judged anew whenever the browser comes back, from stored state and the session alone: no page can be skipped by posting
to a later one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from libs.oauth import acr
from libs.oauth.client_metadata import CONSENT_SKIP
from libs.oauth.errors import AccessDenied, ConsentRequired, LoginRequired
from libs.oauth.reasons import Reason
from services.token.domain.authorization.authorization_request import AuthorizationRequest
from services.token.domain.clients.client import Client
from services.token.domain.sessions.session import AuthenticatedSession


class Step(Enum):
    SIGN_IN = auto()
    STEP_UP = auto()
    """Signed in, and to show more than has been shown: a second factor."""
    CONSENT = auto()
    GRANT = auto()


@dataclass(frozen=True)
class Progress:
    """What the end-user has done for this request."""

    asked_at: datetime
    """When the request was first seen."""
    consented: bool = False
    """Said yes on this request's consent page."""


def next_step(
    request: AuthorizationRequest,
    client: Client,
    *,
    session: AuthenticatedSession | None,
    user_allowed: bool,
    remembered: frozenset[str],
    progress: Progress,
    now: datetime,
) -> Step:
    """Return the next step.

    `user_allowed`: the user matches id_token_hint and the claims parameter; `remembered`: scopes consented to before.

    Raises:
        LoginRequired, ConsentRequired: an interaction is required and the request has prompt=none.
        LoginRequired: another user than the requested one has signed in for this request.
        AccessDenied: the request requires an unsupported authentication context class.
    """
    silent = "none" in request.prompts
    if session is not None and not user_allowed and session.authenticated_at >= progress.asked_at:
        # Another sign-in page would lead back here (OpenID Connect Core 3.1.2.1, id_token_hint).
        raise LoginRequired(
            "The end-user who signed in is not the one that id_token_hint or claims names.", reason=Reason.HINT_MISMATCH
        )
    if session is None or not user_allowed or _must_sign_in(request, session, progress=progress, now=now):
        if silent:
            raise LoginRequired(reason=Reason.PROMPT_NONE)
        return Step.SIGN_IN
    wanted = required_acr(request, client)
    if wanted and not acr.satisfies(session.acr, wanted):
        if silent:
            raise LoginRequired(reason=Reason.PROMPT_NONE)
        return Step.STEP_UP
    if _must_consent(request, client, remembered=remembered, progress=progress):
        if silent:
            raise ConsentRequired(reason=Reason.PROMPT_NONE)
        return Step.CONSENT
    return Step.GRANT


def required_acr(request: AuthorizationRequest, client: Client) -> str:
    """The class that a sign-in must have for this request; empty: any.

    Raises:
        AccessDenied: the request insists on classes that there are not (OpenID Connect Core 5.5.1.1).
    """
    if request.claims.acr and not acr.weakest(request.claims.acr):
        raise AccessDenied("The requested acr values are not supported.", reason=Reason.ACR_UNMET)
    wanted = (acr.weakest(request.claims.acr), acr.weakest(request.acr_values), client.metadata.required_acr)
    return acr.strongest(wanted)


def _must_sign_in(
    request: AuthorizationRequest, session: AuthenticatedSession, *, progress: Progress, now: datetime
) -> bool:
    if session.authenticated_at >= progress.asked_at:
        return False  # done for this very request, so prompt=login and max_age are met
    if request.prompts & {"login", "select_account"}:
        return True
    return request.max_age is not None and now - session.authenticated_at > timedelta(seconds=request.max_age)


def _must_consent(
    request: AuthorizationRequest, client: Client, *, remembered: frozenset[str], progress: Progress
) -> bool:
    if progress.consented:
        return False
    if "consent" in request.prompts or client.can_be_impersonated(request.redirect_uri):
        return True
    return client.metadata.consent != CONSENT_SKIP and not remembered.issuperset(request.disclosed_scopes)
