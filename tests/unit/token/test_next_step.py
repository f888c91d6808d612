"""What has to happen before a request is granted, as a table: session, prompt, age, hint, consent."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from libs.oauth.acr import MFA, PASSWORD
from libs.oauth.errors import AccessDenied, ConsentRequired, LoginRequired, OAuthError
from services.token.domain.authorization.authorization_request import judge
from services.token.domain.authorization.interaction import Progress, Step, next_step
from services.token.domain.clients.client import Client
from services.token.domain.clients.registrations import Registration
from services.token.domain.sessions.session import AuthenticatedSession
from tests.unit.token.parts import (
    ALICE,
    BOB,
    LOOPBACK_URI,
    MINUTE,
    NOON,
    PRIVATE_URI,
    REDIRECT_URI,
    SECOND,
    a_client,
    a_native_client,
    a_request,
    a_session,
)

SIGN_IN, STEP_UP, CONSENT, GRANT = Step.SIGN_IN, Step.STEP_UP, Step.CONSENT, Step.GRANT
SIGNED_IN = a_session(at=NOON - MINUTE)
WITH_BOTH = replace(SIGNED_IN, acr=MFA, amr=("pwd", "otp", "mfa"))
STRICT, STRICT_BY_DEFAULT = a_client(required_acr=MFA), a_client(default_acr_values=[MFA])
ALL = frozenset({"openid", "notes"})
ASKED_LONG_AGO = NOON - 5 * MINUTE


def essential(value: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "value": value}}})


def step(
    *,
    session: AuthenticatedSession | None = SIGNED_IN,
    client: Client | None = None,
    redirect_uri: str = REDIRECT_URI,
    hinted: str | None = None,
    remembered: frozenset[str] = ALL,
    asked_at: Any = NOON,
    consented: bool = False,
    **changes: str | None,
) -> Step:
    """The step for a user who signed in a minute ago and consented before, with changes."""
    client = client or a_client()
    request = judge(a_request(redirect_uri=redirect_uri, **changes), client)
    return next_step(
        request,
        client,
        session=session,
        user_allowed=hinted is None or session is None or session.user_id == hinted,
        remembered=remembered,
        progress=Progress(asked_at=asked_at, consented=consented),
        now=NOON,
    )


SIGNED_IN_SINCE = a_session(at=NOON - MINUTE)
SINCE: dict[str, Any] = {"session": SIGNED_IN_SINCE, "asked_at": ASKED_LONG_AGO}
YESTERDAY = a_session(at=NOON - timedelta(days=1))
MORE = "openid notes email"

TABLE: list[tuple[str, dict[str, Any], Step | type[OAuthError]]] = [
    ("signed in, consented before", {}, GRANT),
    ("no active session", {"session": None}, SIGN_IN),
    ("prompt=none, no active session", {"session": None, "prompt": "none"}, LoginRequired),
    ("prompt=none, nothing to ask", {"prompt": "none"}, GRANT),
    ("prompt=none, not consented", {"prompt": "none", "remembered": frozenset()}, ConsentRequired),
    ("prompt=none, session too old", {"prompt": "none", "max_age": "59"}, LoginRequired),
    ("prompt=none, another is hinted at", {"prompt": "none", "hinted": BOB}, LoginRequired),
    ("prompt=login", {"prompt": "login"}, SIGN_IN),
    ("prompt=login, signed in since", {"prompt": "login", **SINCE}, GRANT),
    ("prompt=login, signed in at the same moment", {"prompt": "login", **SINCE, "asked_at": NOON - MINUTE}, GRANT),
    ("prompt=login, signed in a moment before", {"prompt": "login", "asked_at": NOON - MINUTE + SECOND}, SIGN_IN),
    ("prompt=select_account", {"prompt": "select_account"}, SIGN_IN),
    ("prompt=select_account, signed in since", {"prompt": "select_account", **SINCE}, GRANT),
    ("prompt=consent", {"prompt": "consent"}, CONSENT),
    ("prompt=consent, consented to this request", {"prompt": "consent", "consented": True}, GRANT),
    ("prompt=login consent", {"prompt": "login consent"}, SIGN_IN),
    ("prompt=login consent, signed in since", {"prompt": "login consent", **SINCE}, CONSENT),
    ("prompt=login consent, both done", {"prompt": "login consent", **SINCE, "consented": True}, GRANT),
    ("prompt=login consent, consented only", {"prompt": "login consent", "consented": True}, SIGN_IN),
    ("max_age=0", {"max_age": "0"}, SIGN_IN),
    ("max_age=0, signed in since", {"max_age": "0", **SINCE}, GRANT),
    ("max_age one second short", {"max_age": "59"}, SIGN_IN),
    ("max_age reached and not passed", {"max_age": "60"}, GRANT),
    ("max_age long", {"max_age": "9999999999"}, GRANT),
    ("max_age, session of yesterday", {"max_age": "3600", "session": YESTERDAY}, SIGN_IN),
    ("default_max_age passed", {"client": a_client(default_max_age=59)}, SIGN_IN),
    ("default_max_age not passed", {"client": a_client(default_max_age=60)}, GRANT),
    ("default_max_age of zero", {"client": a_client(default_max_age=0)}, SIGN_IN),
    ("default_max_age of a lifetime", {"client": a_client(default_max_age=2**31 - 1)}, GRANT),
    ("max_age instead of default_max_age", {"client": a_client(default_max_age=0), "max_age": "60"}, GRANT),
    ("hint of this user", {"hinted": ALICE}, GRANT),
    ("hint of another user", {"hinted": BOB}, SIGN_IN),
    ("hint of another user, signed in since as the wrong one", {"hinted": BOB, **SINCE}, LoginRequired),
    ("hint, no active session", {"hinted": ALICE, "session": None}, SIGN_IN),
    ("never consented", {"remembered": frozenset()}, CONSENT),
    ("consented to less", {"scope": MORE}, CONSENT),
    ("consented to less, and to this request", {"scope": MORE, "consented": True}, GRANT),
    ("consented to more", {"scope": "openid", "remembered": ALL}, GRANT),
    ("offline access is a scope like others", {"scope": "openid notes offline_access"}, CONSENT),
    ("consent is skipped", {"client": a_client(consent="skip"), "remembered": frozenset()}, GRANT),
    ("consent is skipped, prompt=consent", {"client": a_client(consent="skip"), "prompt": "consent"}, CONSENT),
    ("consent is skipped, prompt=none", {"client": a_client(consent="skip"), "prompt": "none"}, GRANT),
    ("acr_values met", {"acr_values": PASSWORD}, GRANT),
    ("acr_values: one of them met", {"acr_values": f"{MFA} {PASSWORD}"}, GRANT),
    ("unknown acr_values", {"acr_values": "1 2"}, GRANT),
    ("acr_values: more than was shown", {"acr_values": MFA}, STEP_UP),
    ("acr_values: higher than the session's acr, and an unknown one", {"acr_values": f"1 {MFA}"}, STEP_UP),
    ("acr_values: less than was shown", {"acr_values": PASSWORD, "session": WITH_BOTH}, GRANT),
    ("acr_values: as much as was shown", {"acr_values": MFA, "session": WITH_BOTH}, GRANT),
    ("acr_values, no active session", {"acr_values": MFA, "session": None}, SIGN_IN),
    ("acr_values, prompt=none", {"acr_values": MFA, "prompt": "none"}, LoginRequired),
    ("acr_values, prompt=login", {"acr_values": MFA, "prompt": "login"}, SIGN_IN),
    ("acr_values, prompt=login, signed in since", {"acr_values": MFA, "prompt": "login", **SINCE}, STEP_UP),
    ("acr_values before consent", {"acr_values": MFA, "remembered": frozenset()}, STEP_UP),
    ("default_acr_values", {"client": a_client(default_acr_values=[MFA])}, STEP_UP),
    ("acr_values instead of default_acr_values", {"client": STRICT_BY_DEFAULT, "acr_values": PASSWORD}, GRANT),
    ("required_acr", {"client": STRICT}, STEP_UP),
    ("required_acr, as much was shown", {"client": STRICT, "session": WITH_BOTH}, GRANT),
    ("required_acr is not talked down", {"client": STRICT, "acr_values": PASSWORD}, STEP_UP),
    ("required_acr is not talked down by claims", {"client": STRICT, "claims": essential(PASSWORD)}, STEP_UP),
    ("essential acr", {"claims": essential(MFA)}, STEP_UP),
    ("essential acr, as much was shown", {"claims": essential(MFA), "session": WITH_BOTH}, GRANT),
    ("essential acr: less than was shown", {"claims": essential(PASSWORD), "session": WITH_BOTH}, GRANT),
    ("essential acr, prompt=none", {"claims": essential(MFA), "prompt": "none"}, LoginRequired),
    ("essential acr that is not supported", {"claims": essential("urn:example:retina")}, AccessDenied),
    ("essential acr is not talked down by acr_values", {"claims": essential(MFA), "acr_values": PASSWORD}, STEP_UP),
    ("consented, but not signed in any more", {"consented": True, "session": None}, SIGN_IN),
]


@pytest.mark.s(40, 55, 56)
@pytest.mark.parametrize(("given", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_next_step(given: dict[str, Any], expected: Step | type[OAuthError]) -> None:
    if isinstance(expected, Step):
        assert step(**given) is expected
        return
    with pytest.raises(expected) as refusal:
        step(**given)
    assert refusal.value.redirectable


@pytest.mark.s(56)
@pytest.mark.parametrize("redirect_uri", [LOOPBACK_URI, "http://127.0.0.1:49152/cb", PRIVATE_URI])
def test_public_client_with_private_redirect_uri_skips_consent_only_by_decision_of_the_operator(
    redirect_uri: str,
) -> None:
    native: dict[str, Any] = {"client": a_native_client(consent="skip"), "redirect_uri": redirect_uri}
    assert step(**native, prompt="none") is GRANT
    self_registered = replace(native["client"], registration=Registration(b"", expires_at=NOON))
    assert step(client=self_registered, redirect_uri=redirect_uri) is CONSENT


@pytest.mark.s(56)
@pytest.mark.parametrize("redirect_uri", [LOOPBACK_URI, "http://127.0.0.1:49152/cb", PRIVATE_URI])
def test_public_client_with_private_redirect_uri_always_needs_consent(redirect_uri: str) -> None:
    """RFC 6749 10.2, RFC 8252 8.6."""
    native: dict[str, Any] = {"client": a_native_client(), "redirect_uri": redirect_uri}
    assert step(**native) is CONSENT
    assert step(**native, consented=True) is GRANT
    with pytest.raises(ConsentRequired):
        step(**native, prompt="none")


@pytest.mark.s(56)
def test_a_public_client_with_an_https_redirect_is_asked_about_once() -> None:
    app = a_native_client(redirect_uris=[REDIRECT_URI])
    assert step(client=app, remembered=frozenset()) is CONSENT
    assert step(client=app) is GRANT


@pytest.mark.s(56)
@pytest.mark.parametrize("consent", ["required", "skip"])
def test_dynamically_registered_public_client_needs_consent_every_time(consent: str) -> None:
    registration = Registration(b"", expires_at=NOON)
    public = replace(a_native_client(redirect_uris=[REDIRECT_URI], consent=consent), registration=registration)
    assert step(client=public) is CONSENT
    assert step(client=public, consented=True) is GRANT
    with pytest.raises(ConsentRequired):
        step(client=public, prompt="none")
    assert step(client=replace(a_client(), registration=registration)) is GRANT


@pytest.mark.s(40)
def test_no_request_without_a_session_is_ever_granted() -> None:
    for _, given, _ in TABLE:
        for prompt in (None, "none", "login", "consent", "select_account"):
            try:
                assert step(**{**given, "session": None, "prompt": prompt}) is SIGN_IN
            except LoginRequired:
                assert prompt == "none"
