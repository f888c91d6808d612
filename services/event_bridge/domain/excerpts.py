"""The excerpt of a response in the delivery log: enough to find the cause of a failure, without secrets."""

import re
from collections.abc import Iterable
from dataclasses import replace

from services.event_bridge.domain.deliveries import AttemptResult
from services.event_bridge.domain.signatures import PREFIX

MAX_EXCERPT = 256
_SECRETS = (
    re.compile(r"whsec_[A-Za-z0-9+/=_-]*"),
    re.compile(r"\bv1a?,[A-Za-z0-9+/=_-]+"),
    re.compile(r"\beyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*"),
    re.compile(r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9+/=._~-]+"),
)
"""Webhook secrets, signatures, JWTs and credentials, which some receivers repeat in error messages."""


def excerpt(body: bytes) -> str:
    """Return the beginning of a response as one line of printable text. Text that looks like a secret is removed."""
    text = body.decode("utf-8", errors="replace")
    for pattern in _SECRETS:
        text = pattern.sub("[removed]", text)
    return "".join(each if each.isprintable() else " " for each in text)[:MAX_EXCERPT].strip()


def without_secrets(secrets: Iterable[str], result: AttemptResult) -> AttemptResult:
    """Return the result with these secrets removed from the excerpt, with or without their prefix."""
    kept = result.excerpt
    for secret in secrets:
        kept = kept.replace(secret.removeprefix(PREFIX), "[removed]")
    return replace(result, excerpt=kept)
