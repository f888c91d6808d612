"""When and from where a device asked, in words that a person can judge (RFC 8628 5.4)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network

from google.protobuf.timestamp_pb2 import Timestamp

from libs.languages.moments import minutes_ago
from libs.oauth.addresses import address_prefix


@dataclass(frozen=True)
class Network:
    """`text` is empty when the device's network is not known; `same`: the browser is on it as well."""

    text: str
    same: bool


def how_long_ago(moment: Timestamp, *, now: datetime) -> str:
    """In minutes: codes do not live longer than a few."""
    return minutes_ago((now - moment.ToDatetime(tzinfo=UTC)).total_seconds())


def network(prefix: str, *, own_address: str) -> Network:
    """A /24 or /48 as people see addresses, and whether the browser's own address is in it."""
    try:
        parsed = ip_network(prefix)
    except ValueError:
        return Network("", same=False)
    if parsed.version == 4:
        text = str(parsed.network_address).rpartition(".")[0] + ".x"
    else:
        text = (str(parsed.network_address).rstrip(":") or ":") + ":…"
    return Network(text, same=prefix == address_prefix(own_address))
