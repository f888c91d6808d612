"""Where this edge lives on the web. Everything comes from configuration: a Host header is never looked at."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from libs.oauth.attributes import NO_ATTRIBUTES, Attributes


@dataclass(frozen=True)
class Site:
    """The public face of this installation.

    Args:
        issuer: the issuer identifier, as configured, character for character.
        client_edge: base URL of the endpoints that the token service serves.
        brand: the name on the pages.
        registration: may clients register themselves?
        attributes: what people have beyond the standard claims.
    """

    issuer: str
    client_edge: str
    brand: str
    registration: bool = False
    attributes: Attributes = NO_ATTRIBUTES

    @property
    def secure(self) -> bool:
        """Is the issuer served over https? Plain http is for loopback hosts only."""
        return self.issuer.startswith("https:")

    @property
    def origin(self) -> str:
        """What a browser sends as Origin from our own pages (RFC 6454 6.2): the default port is left out."""
        parts = urlsplit(self.issuer)
        default_port = 443 if self.secure else 80
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}" + ("" if parts.port in {None, default_port} else f":{parts.port}")

    @property
    def base(self) -> str:
        """The issuer's path without a closing slash; empty for most. All our paths begin with it."""
        return urlsplit(self.issuer).path.rstrip("/")

    def path(self, path: str, **query: str) -> str:
        """A path of ours with its query, for links and redirects within this origin."""
        return self.base + path + (f"?{urlencode(query, quote_via=quote, safe='')}" if query else "")

    def url(self, path: str) -> str:
        """The public URL of a path of this edge."""
        return self.issuer.rstrip("/") + path

    def client_edge_url(self, path: str) -> str:
        """The public URL of a path of the token service's edge."""
        return self.client_edge.rstrip("/") + path
