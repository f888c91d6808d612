"""The origin of a request, without personal data."""

import re
from dataclasses import dataclass

from libs.oauth.addresses import address_prefix

_MAX_ID = 255
_DEVICE = re.compile(r"[A-Za-z0-9 ]{0,30}/[A-Za-z0-9 ]{0,30}")


@dataclass(frozen=True)
class Origin:
    """For events and limits only; never used to authenticate."""

    ip_prefix: str = ""
    client_id: str = ""
    correlation_id: str = ""
    device: str = ""
    """Browser and system, for the session list of the user."""

    @classmethod
    def of(cls, *, remote_address: str, client_id: str, correlation_id: str, device: str = "") -> "Origin":
        known = device if _DEVICE.fullmatch(device) else ""
        return cls(address_prefix(remote_address), _plain_id(client_id), _plain_id(correlation_id), known)


def _plain_id(text: str) -> str:
    """The identifier; empty if it is too long or contains other than printable ASCII characters."""
    return text if len(text) <= _MAX_ID and text.isascii() and text.isprintable() else ""
