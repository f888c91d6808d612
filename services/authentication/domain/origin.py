"""Where a request came from, reduced to what may be told to others."""

from dataclasses import dataclass

from libs.oauth.addresses import address_prefix

_MAX_ID = 255


@dataclass(frozen=True)
class Origin:
    """For facts and limits only: nothing in it decides who somebody is."""

    ip_prefix: str = ""
    client_id: str = ""
    correlation_id: str = ""

    @classmethod
    def of(cls, *, remote_address: str, client_id: str, correlation_id: str) -> "Origin":
        return cls(address_prefix(remote_address), _plain_id(client_id), _plain_id(correlation_id))


def _plain_id(text: str) -> str:
    """The identifier, or nothing when it is too long or has characters that no identifier of ours has."""
    return text if len(text) <= _MAX_ID and text.isascii() and text.isprintable() else ""
