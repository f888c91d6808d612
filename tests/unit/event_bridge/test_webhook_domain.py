"""Signatures, filters, retry times and response excerpts of webhooks."""

from datetime import UTC, datetime, timedelta

import pytest

from services.event_bridge.domain.deliveries import BACKOFF, parse_retry_after
from services.event_bridge.domain.excerpts import MAX_EXCERPT, excerpt
from services.event_bridge.domain.filters import Filter
from services.event_bridge.domain.signatures import WebhookSecret, headers, sign

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_signature_matches_the_reference_libraries():
    """The example from the test suites of the standard-webhooks libraries."""
    secret = WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signature = sign(secret, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_newest_secret_signs_first():
    new, old = WebhookSecret("whsec_bmV3"), WebhookSecret("whsec_b2xk")
    made = headers([new, old], message_id="1", at=NOW, body=b"{}")
    timestamp = int(NOW.timestamp())
    assert made["webhook-signature"] == " ".join(
        sign(secret, message_id="1", timestamp=timestamp, body=b"{}") for secret in (new, old)
    )


@pytest.mark.parametrize(
    ("text", "name", "matches"),
    [
        (">", "login.succeeded", True),
        ("login.>", "login.succeeded", True),
        ("login", "login.succeeded", True),
        ("login.*", "login.failed", True),
        ("*.revoked", "token.revoked", True),
        ("*.revoked", "token.issued", False),
        ("login.succeeded", "login.failed", False),
        ("log", "login.failed", False),
    ],
)
def test_filter_matches_event_names(text, name, matches):
    assert Filter.parse(text).matches(name) is matches


@pytest.mark.parametrize(
    "text", ["", ".", "login.", "login.>.>", ">.login", "LOGIN.>", "login succeeded", "a.b.c", "lo*"]
)
def test_malformed_filter_is_refused(text):
    with pytest.raises(ValueError, match="filter"):
        Filter.parse(text)


@pytest.mark.parametrize(
    ("value", "after"),
    [
        ("120", timedelta(minutes=2)),
        ("Mon, 04 May 2026 12:01:00 GMT", timedelta(minutes=1)),
        ("Mon, 04 May 2026 11:00:00 GMT", None),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("9" * 40, None),
        ("²", None),
    ],
)
def test_parse_retry_after_accepts_seconds_and_future_dates(value, after):
    assert parse_retry_after(value, now=NOW) == after


def test_pauses_grow_to_the_maximum_and_vary_randomly():
    pauses = [BACKOFF.pause_after(attempts, chance=0.5) for attempts in range(1, 12)]
    assert [pause.total_seconds() for pause in pauses[:4]] == [5, 15, 45, 135]
    assert pauses[-1] == BACKOFF.max_pause
    assert BACKOFF.pause_after(1, chance=0) == timedelta(seconds=4)
    assert BACKOFF.pause_after(1, chance=1) == timedelta(seconds=6)


@pytest.mark.parametrize(
    "secret",
    [
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "Bearer abcdef0123456789",
        "Basic dXNlcjpwYXNzd29yZA==",
    ],
)
def test_excerpt_removes_secrets(secret):
    kept = excerpt(f"bad signature {secret} in header".encode())
    assert secret not in kept
    assert secret[-8:] not in kept
    assert kept.startswith("bad signature [removed]")


def test_excerpt_is_one_short_printable_line():
    kept = excerpt(b"\x1b[31mno\r\nway\x00" + "ü".encode() + b"\xff" * 1000)
    assert len(kept) <= MAX_EXCERPT
    assert kept.isprintable()
