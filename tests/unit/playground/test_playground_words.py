"""How secrets are shortened and claims are put into words."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client

from deploy.playground import claim_words, event_words, pages, redact, tokens
from deploy.playground.flows import FLOWS
from deploy.playground.recorder import exchange_of
from latchkey.events.v1 import events_pb2

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "s3cr3t-s3cr3t-s3cr3t-s3cr3t"


@pytest.mark.parametrize(
    ("name", "after_noon", "words"),
    [
        ("exp", 599, "expires in 9 min (12:09:59 UTC)"),
        ("exp", -120, "expired 2 min ago (11:58:00 UTC)"),
        ("iat", -3, "issued 3 s ago (11:59:57 UTC)"),
        ("auth_time", -7200, "the user signed in 2 h ago (10:00:00 UTC)"),
    ],
)
def test_times_are_relative_to_now(name: str, after_noon: int, words: str) -> None:
    assert claim_words.explain(name, NOON.timestamp() + after_noon, now=NOON) == words


def test_common_claims_are_shown_first() -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"zoneinfo": "Z", "sub": "1", "iss": "I"}).encode()).decode()
    shown = tokens.view("ID token", f"e30.{claims.rstrip('=')}.x", "").claims
    assert list((shown or {}).items()) == [("iss", "I"), ("sub", "1"), ("zoneinfo", "Z")]


def test_claim_of_unexpected_type_has_no_explanation() -> None:
    assert claim_words.explain("exp", "soon", now=NOON) == ""
    assert claim_words.explain("exp", True, now=NOON) == ""
    assert claim_words.explain("shoe_size", 39, now=NOON) == ""


@pytest.mark.parametrize(
    "scheme", ["Basic Y2xpZW50OnMzY3IzdC1zM2NyM3QtczNjcjN0LXMzY3IzdA==", f"Bearer {SECRET}", "Basic ?"]
)
def test_authorization_header_is_redacted(scheme: str) -> None:
    shown = redact.authorization(scheme)
    assert SECRET not in shown
    assert scheme.split()[1] not in shown


def test_secrets_inside_a_document_are_shortened_at_any_depth() -> None:
    shown = redact.body(f'{{"tokens": [{{"access_token": "{SECRET}", "scope": "openid"}}]}}', "application/json")
    assert SECRET not in shown
    assert '"scope": "openid"' in shown


def test_a_document_that_is_no_json_is_shown_as_it_is() -> None:
    assert redact.body("<html>", "application/json") == "<html>"


def test_the_curl_command_has_variables_in_place_of_secrets() -> None:
    request = httpx2.Request(
        "POST",
        "http://localhost:8081/token",
        data={"grant_type": "authorization_code", "code": SECRET, "redirect_uri": "http://localhost/'x'"},
        headers={"Authorization": "Basic Y2xpZW50OnMzY3IzdA=="},
    )
    command = exchange_of(request).curl
    assert SECRET not in command
    assert '-u "$CLIENT_ID:$CLIENT_SECRET"' in command
    assert '--data-urlencode "code=$CODE"' in command
    assert "grant_type=authorization_code" in command


@pytest.mark.parametrize("token", ["opaque", "", "a.b.c", "bnVsbA.bnVsbA.x", "W10.MQ.x"])
def test_token_that_is_no_jwt_is_opaque(token: str) -> None:
    shown = tokens.view("Token", token, "")
    assert shown.claims is None
    assert "Opaque" in shown.note


def test_every_event_type_has_an_explanation() -> None:
    names = {
        message.GetOptions().Extensions[events_pb2.event].name
        for message in events_pb2.DESCRIPTOR.message_types_by_name.values()
    } - {""}
    assert names <= event_words.KNOWN


def test_the_ids_of_the_buttons_are_distinct() -> None:
    names = [button.name for flow in FLOWS for button in flow.buttons]
    assert len(set(names)) == len(names)


def test_the_client_library_uses_the_http_library_whose_errors_are_caught() -> None:
    assert issubclass(AsyncOAuth2Client, httpx2.AsyncClient)


def test_prose_marks_code_and_escapes_everything() -> None:
    assert pages.prose("see `<kid>` & go") == "see <code>&lt;kid&gt;</code> &amp; go"


def test_every_template_escapes() -> None:
    for template in Path(claim_words.__file__).parent.glob("pages/*.html"):
        assert "| safe" not in template.read_text()
        assert "autoescape false" not in template.read_text()
