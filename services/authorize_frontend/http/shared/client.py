"""A client as pages show it. Its metadata may come from strangers (RFC 7591), so each part is judged here."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from latchkey.token.v1.authorization_pb2 import GetInteractionResponse
from services.authorize_frontend.site import Site


@dataclass(frozen=True)
class ClientOnPage:
    """Empty strings for what there is not; links are https and nothing else, and the logo is on our own origin."""

    name: str
    logo: str
    policy: str
    terms: str
    host: str
    """Where the person goes back to, as the one part of a client that cannot be made up; empty for a native app."""
    checked: bool
    """An operator registered it; otherwise all of the above but the host is what a stranger says."""

    @classmethod
    def of(cls, interaction: GetInteractionResponse, site: Site) -> Self:
        return cls(
            name=interaction.client_name or interaction.client_id,
            logo=site.path(f"/logo/{interaction.client_id}") if _https(interaction.logo_uri) else "",
            policy=_https(interaction.policy_uri),
            terms=_https(interaction.tos_uri),
            host=_host(interaction.redirect_origin),
            checked=not interaction.self_registered,
        )


def _https(url: str) -> str:
    try:
        return url if urlsplit(url).scheme == "https" and urlsplit(url).hostname else ""
    except ValueError:
        return ""


def _host(origin: str) -> str:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc if parts.scheme in {"http", "https"} else ""
