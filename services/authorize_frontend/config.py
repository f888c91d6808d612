"""What the browser edge is told at start; each field is `LATCHKEY_<NAME>`."""

from typing import Annotated

from pydantic import StringConstraints

from libs.servicekit.settings import BusSettings, HttpEdgeSettings, PublicUrl, RegistrationSettings

Target = Annotated[str, StringConstraints(min_length=1)]


class AuthorizeFrontendSettings(HttpEdgeSettings, RegistrationSettings, BusSettings):
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
