"""A client as pages show it. The metadata can be of a self-registered client (RFC 7591), so each value is checked."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from latchkey.token.v1.authorization_pb2 import GetInteractionResponse
from services.authorize_frontend.site import Site


@dataclass(frozen=True)
class ClientOnPage:
    """Missing values are empty. Links are https URLs, and the logo is served from this origin."""

    name: str
    logo: str
    policy: str
    terms: str
    host: str
    """Host of the redirect URI, which the client cannot make up; empty for a native app."""
    checked: bool
    """Whether an operator registered the client. If not, only the host can be trusted."""

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
