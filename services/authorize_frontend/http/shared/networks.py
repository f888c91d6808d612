"""Networks of sessions and devices, as pages show them (RFC 8628 5.4)."""

from dataclasses import dataclass
from ipaddress import ip_network

from libs.oauth.addresses import address_prefix


@dataclass(frozen=True)
class Network:
    """`text` is empty if the network is not known; `same`: the browser uses the same network now."""

    text: str
    same: bool


def network(prefix: str, *, own_address: str) -> Network:
    """Returns a /24 or /48 prefix in the notation for pages, and whether the browser's address is in it."""
    try:
        parsed = ip_network(prefix)
    except ValueError:
        return Network("", same=False)
    if parsed.version == 4:
        text = str(parsed.network_address).rpartition(".")[0] + ".x"
    else:
        text = (str(parsed.network_address).rstrip(":") or ":") + ":…"
    return Network(text, same=prefix == address_prefix(own_address))
