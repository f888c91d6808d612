"""The public URLs of this service. They come from configuration; the Host header is not used."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from libs.oauth.attributes import NO_ATTRIBUTES, Attributes


@dataclass(frozen=True)
class Site:
    """The public URLs and names of this installation.

    Args:
        issuer: the issuer identifier, exactly as configured.
        client_edge: base URL of the endpoints that the token service serves.
        brand: the name on the pages.
        registration: whether dynamic client registration is on.
        attributes: the claims that the operator has added to the standard ones.
        registration_scopes: further scope values that clients may register.
    """

    issuer: str
    client_edge: str
    brand: str
    registration: bool = False
    attributes: Attributes = NO_ATTRIBUTES
    registration_scopes: tuple[str, ...] = ()

    @property
    def secure(self) -> bool:
        """Whether the issuer is an https URL. http is possible for loopback hosts only."""
        return self.issuer.startswith("https:")

    @property
    def origin(self) -> str:
        """The Origin header of forms on these pages (RFC 6454 6.2): without the default port."""
        parts = urlsplit(self.issuer)
        default_port = 443 if self.secure else 80
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{parts.scheme}://{host}" + ("" if parts.port in {None, default_port} else f":{parts.port}")

    @property
    def base(self) -> str:
        """The issuer's path without a trailing slash, usually empty. All paths start with it."""
        return urlsplit(self.issuer).path.rstrip("/")

    def path(self, path: str, **query: str) -> str:
        """Returns a path with its query, for links and redirects within this origin."""
        return self.base + path + (f"?{urlencode(query, quote_via=quote, safe='')}" if query else "")

    def url(self, path: str) -> str:
        """Returns the public URL of a path of this service."""
        return self.issuer.rstrip("/") + path

    def client_edge_url(self, path: str) -> str:
        """Returns the public URL of a path of the token service."""
        return self.client_edge.rstrip("/") + path
