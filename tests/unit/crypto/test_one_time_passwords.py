"""Time-based one-time passwords, by the vectors of RFC 6238 Appendix B (their last six digits)."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from libs.crypto.one_time_passwords import (
    STEP_SECONDS,
    as_base32,
    matching_step,
    new_totp_secret,
    provisioning_uri,
    totp_code,
    totp_step,
)

SECRET = b"12345678901234567890"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_totp_codes_match_rfc_6238(seconds: int, code: str) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert totp_code(SECRET, totp_step(moment)) == code
    assert matching_step(SECRET, code, now=moment, after=0) == seconds // STEP_SECONDS


@pytest.mark.s(48)
@pytest.mark.parametrize("off", range(-3, 4))
def test_totp_accepts_one_step_of_clock_skew(off: int) -> None:
    step = totp_step(NOON)
    found = matching_step(SECRET, totp_code(SECRET, step + off), now=NOON, after=0)
    assert found == (step + off if abs(off) <= 1 else None)


@pytest.mark.s(48)
def test_totp_code_of_a_used_step_is_refused() -> None:
    step = totp_step(NOON)
    codes = [totp_code(SECRET, step + off) for off in (-1, 0, 1)]
    assert [matching_step(SECRET, code, now=NOON, after=step) for code in codes] == [None, None, step + 1]
    assert matching_step(SECRET, codes[2], now=NOON, after=step + 1) is None


@pytest.mark.parametrize("typed", ["", "1", "0000000", "ü" * 6, "12345 ", "x" * 10_000])
def test_malformed_totp_code_is_refused(typed: str) -> None:
    assert matching_step(SECRET, typed, now=NOON, after=0) is None


def test_provisioning_uri_contains_issuer_account_and_secret() -> None:
    uri = urlsplit(provisioning_uri(SECRET, issuer="Zoë: & Co?", account="al/ice:x"))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert parse_qs(uri.query) == {"secret": [as_base32(SECRET)], "issuer": ["Zoë: & Co?"]}


def test_totp_secrets_have_160_bits_and_differ() -> None:
    secrets = {new_totp_secret() for _ in range(50)}
    assert len(secrets) == 50
    assert {len(secret) for secret in secrets} == {20}
    assert totp_step(NOON + timedelta(seconds=STEP_SECONDS)) == totp_step(NOON) + 1
