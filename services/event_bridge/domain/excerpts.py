"""What the delivery log keeps of a receiver's answer: enough to see what is wrong there, and nothing that is secret."""

import re
from collections.abc import Iterable
from dataclasses import replace

from services.event_bridge.domain.deliveries import Answer
from services.event_bridge.domain.signatures import PREFIX

LONGEST = 256
_SECRETS = (
    re.compile(r"whsec_[A-Za-z0-9+/=_-]*"),
    re.compile(r"\bv1a?,[A-Za-z0-9+/=_-]+"),
    re.compile(r"\beyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*"),
    re.compile(r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9+/=._~-]+"),
)
"""Webhook secrets, signatures, JWTs and credentials, which careless receivers send back in their complaints."""


def excerpt(answer: bytes) -> str:
    """The beginning of an answer as one line of printable text, with what looks like a secret taken out."""
    text = answer.decode("utf-8", errors="replace")
    for pattern in _SECRETS:
        text = pattern.sub("[removed]", text)
    return "".join(each if each.isprintable() else " " for each in text)[:LONGEST].strip()


def without(secrets: Iterable[str], answer: Answer) -> Answer:
    """The answer without these very secrets, however the receiver has written them."""
    kept = answer.excerpt
    for secret in secrets:
        kept = kept.replace(secret.removeprefix(PREFIX), "[removed]")
    return replace(answer, excerpt=kept)
