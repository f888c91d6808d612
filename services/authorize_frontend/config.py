"""Settings of authorize-frontend; each field is read from `LATCHKEY_<NAME>`."""

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
    """Base URL of the endpoints that the token service serves, for the discovery document."""
    token_target: Target
    """gRPC target of the token service."""
    authentication_target: Target
    """gRPC target of the authentication service."""
    device_target: Target
    """gRPC target of the device service."""
    key_rotation_target: Target
    """gRPC target of the key-rotation service."""
    brand_name: Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)] = "Latchkey"
    """Name of this installation on every page."""
    brand_accent: LightAccent | None = None
    """Colour of buttons and links, as #rrggbb. The service does not start if the contrast is too low."""
    brand_accent_dark: DarkAccent | None = None
    """The same for the dark colour scheme. The default is a lighter shade of `BRAND_ACCENT`."""
    brand_logo: LogoFile | None = None
    """Path of your logo, shown 32 pixels high: a PNG, or an SVG without scripts and external references."""
    brand_support_url: LinkOrAddress | None = None
    """Link to your support, on every page: an https URL, or mailto: with an address."""
    brand_policy_url: Link | None = None
    """Link to your privacy policy, on every page: an https URL."""
    brand_terms_url: Link | None = None
    """Link to your terms of service, on every page: an https URL."""
