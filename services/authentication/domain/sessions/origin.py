"""Where a request came from, reduced to what may be told to others."""

import re
from dataclasses import dataclass

from libs.oauth.addresses import address_prefix

_MAX_ID = 255
_DEVICE = re.compile(r"[A-Za-z0-9 ]{0,30}/[A-Za-z0-9 ]{0,30}")


@dataclass(frozen=True)
class Origin:
    """For events and limits only: nothing in it decides who somebody is."""

    ip_prefix: str = ""
    client_id: str = ""
    correlation_id: str = ""
    device: str = ""
    """Browser and system in two words, for the person's own list."""

    @classmethod
    def of(cls, *, remote_address: str, client_id: str, correlation_id: str, device: str = "") -> "Origin":
        known = device if _DEVICE.fullmatch(device) else ""
        return cls(address_prefix(remote_address), _plain_id(client_id), _plain_id(correlation_id), known)


def _plain_id(text: str) -> str:
    """The identifier, or nothing when it is too long or has characters that no identifier of ours has."""
    return text if len(text) <= _MAX_ID and text.isascii() and text.isprintable() else ""
