"""What the browser edge is told at start; each field is `LATCHKEY_<NAME>`."""

from typing import Annotated

from pydantic import StringConstraints

from libs.servicekit.base.settings import (
    AttributeSettings,
    BusSettings,
    HttpEdgeSettings,
    PublicUrl,
    RegistrationSettings,
)
from services.authorize_frontend.brand import DarkAccent, LightAccent, Link, LinkOrAddress, LogoFile

Target = Annotated[str, StringConstraints(min_length=1)]


class AuthorizeFrontendSettings(HttpEdgeSettings, RegistrationSettings, AttributeSettings, BusSettings):
    client_edge_url: PublicUrl
    """Base of the endpoints that the token service serves itself: discovery names them."""
    token_target: Target
    """gRPC target of the token service."""
    authentication_target: Target
    """gRPC target of the authentication service."""
    device_target: Target
    """gRPC target of the device service."""
    key_rotation_target: Target
    """gRPC target of the key-rotation service."""
    brand_name: Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)] = "Latchkey"
    """What people know this installation as: the name on every page."""
    brand_accent: LightAccent | None = None
    """Colour of buttons and links, as #rrggbb. Too faint a one is refused at start."""
    brand_accent_dark: DarkAccent | None = None
    """The same for those who have it dark; left out, it is a lighter one of `BRAND_ACCENT`."""
    brand_logo: LogoFile | None = None
    """Your logo, shown 32 pixels high: a PNG, or an SVG without scripts and references."""
    brand_support_url: LinkOrAddress | None = None
    """Where people find help, on every page: an https URL, or mailto: with an address."""
    brand_policy_url: Link | None = None
    """Your privacy policy, on every page."""
    brand_terms_url: Link | None = None
    """Your terms of service, on every page."""
