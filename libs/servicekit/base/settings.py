"""Settings from environment variables: each field is `LATCHKEY_<NAME>`. One error lists all invalid variables.

A service combines the classes that it needs: ``class TokenSettings(GrpcSettings, HttpEdgeSettings, DatabaseSettings)``.
"""

import base64
import binascii
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FilePath,
    SecretBytes,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from libs.oauth.attributes import NO_ATTRIBUTES, Attributes, parse_attributes
from libs.oauth.errors import InvalidScope
from libs.oauth.registration import RegistrationMode
from libs.oauth.scopes import parse_scope
from libs.servicekit.base.secret_files import check_secret_file

PREFIX = "LATCHKEY_"
KEY_BYTES = 32
MAX_KEYS = 3
_VISIBLE = frozenset(chr(code) for code in range(0x21, 0x7F)) - set("?#@\"'\\<>")


class Address(NamedTuple):
    """Address of a listener. With port 0 the system chooses a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _address(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    host, separator, port = value.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > 0xFFFF:
        raise ValueError("must be host:port, for example 127.0.0.1:8080")
    return Address(host.strip("[]"), int(port))


def _public_url(value: str) -> str:
    """Require https, or http for a loopback host, without query, fragment and user information (RFC 8414 2)."""
    if not _VISIBLE.issuperset(value):
        raise ValueError("must be visible ASCII without query, fragment and user information")
    parts = urlsplit(value)
    _ = parts.port  # raises ValueError for an invalid port
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("must be an https URL")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https: http is permitted for loopback hosts only")
    return value.rstrip("/")


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class SecretKeys:
    """Secret keys during a key change: `first` creates values, every key verifies them."""

    every: tuple[bytes, ...] = field(repr=False)
    """At least one key."""

    @property
    def first(self) -> bytes:
        return self.every[0]


def secret_text(path: str | Path) -> str:
    """Read a private file. Raises ValueError without the contents of the file."""
    try:
        return check_secret_file(Path(path)).read_text(encoding="ascii").strip()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("must contain base64url text") from None


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("must contain base64url text") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"must contain {KEY_BYTES} random bytes as base64url text")
    return key


def _key_from_file(value: Any) -> Any:
    if not isinstance(value, (str, Path)):
        return value
    return _key(secret_text(value))


def _keys_from_file(value: Any) -> Any:
    if not isinstance(value, (str, Path)):
        return value
    keys = tuple(map(_key, secret_text(value).split()))
    if not 1 <= len(keys) <= MAX_KEYS or len(set(keys)) != len(keys):
        raise ValueError(f"must contain one to {MAX_KEYS} different keys, one per line")
    return SecretKeys(keys)


def _networks(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    return value


def _attributes_from_file(value: Any) -> Any:
    if not isinstance(value, (str, Path)):
        return value
    try:
        return parse_attributes(Path(value).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None


AttributesFile = Annotated[Attributes, NoDecode, BeforeValidator(_attributes_from_file)]
"""The variable is the path of a file; the field holds its parsed contents."""
PublicUrl = Annotated[str, AfterValidator(_public_url)]
ListenAddress = Annotated[Address, NoDecode, BeforeValidator(_address)]
SecretFile = Annotated[FilePath, AfterValidator(check_secret_file)]
"""The path of a file with a secret, which other users of the machine can neither read nor change."""
SecretKeyFile = Annotated[SecretBytes, BeforeValidator(_key_from_file)]
"""The variable is the path of a file with 32 bytes as base64url text; the field holds the bytes."""
SecretKeysFile = Annotated[SecretKeys, NoDecode, BeforeValidator(_keys_from_file)]
"""As SecretKeyFile, with one key per line during a key change: the first creates values, all of them verify."""
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]


class ServiceSettings(BaseSettings):
    """Settings of every service."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    issuer: PublicUrl
    """Issuer identifier (RFC 8414 2): the base URL of the browser edge. Clients compare it by exact match."""
    tls_ca: FilePath
    """PEM file of the certificate authority that signs the certificates of all services."""
    tls_certificate: FilePath
    """PEM file of this service's certificate. Its DNS name `<service>.latchkey.internal` is the identity."""
    tls_key: SecretFile
    """PEM file of the private key of that certificate."""
    ops_listen: ListenAddress = Address("127.0.0.1", 0)
    """Address for health checks and metrics. It must not be reachable from the public network."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    shutdown_seconds: float = Field(default=20, gt=0, allow_inf_nan=False)
    """Seconds that a stopping process has to finish open requests."""


class GrpcSettings(ServiceSettings):
    grpc_listen: ListenAddress
    """Address of the gRPC server for other services."""


class HttpEdgeSettings(ServiceSettings):
    http_listen: ListenAddress
    """Address of the HTTP edge for clients, browsers or an ingress."""
    trusted_proxies: Networks = ()
    """Networks of proxies whose X-Forwarded-For header is trusted, separated by commas."""
    http_tls_certificate: FilePath | None = None
    """PEM file of the public certificate with its chain. Without it the edge serves plain HTTP for a TLS ingress."""
    http_tls_key: SecretFile | None = None
    """PEM file of the private key of that certificate. The service reloads both files when they change."""

    http_max_connections: int = Field(default=2_000, ge=10)
    """Open connections of one process. At the limit, a new connection replaces one that is slow or idle."""
    http_max_connections_per_address: int = Field(default=500, ge=1)
    """As many of one remote address. Does not apply to LATCHKEY_TRUSTED_PROXIES."""

    @model_validator(mode="after")
    def _certificate_and_key_go_together(self) -> Self:
        if (self.http_tls_certificate is None) != (self.http_tls_key is None):
            raise ValueError("LATCHKEY_HTTP_TLS_CERTIFICATE and LATCHKEY_HTTP_TLS_KEY must be set together")
        return self


class RegistrationSettings(ServiceSettings):
    registration: RegistrationMode = "closed"
    """Which clients may register themselves (RFC 7591). `closed`: none. `token`: clients with an initial access token
    from an operator. `open`: every client. With `open`, an unknown client can show users a consent page under any name;
    use it only in closed networks, in test systems, or if this is intended."""

    registration_scopes: Annotated[str, StringConstraints(max_length=2_000)] = ""
    """Scope values, separated by spaces, that dynamically registered clients may request in addition to the standard
    scopes and the scopes of attributes. Set it for token, which decides, and for authorize-frontend, which lists them
    in the discovery document."""

    @field_validator("registration_scopes")
    @classmethod
    def _scopes_are_well_formed(cls, text: str) -> str:
        try:
            parse_scope(" ".join(text.split()))
        except InvalidScope:
            raise ValueError("must be scope values separated by spaces") from None
        return text

    @property
    def more_registration_scopes(self) -> tuple[str, ...]:
        return parse_scope(" ".join(self.registration_scopes.split()))


class AttributeSettings(ServiceSettings):
    attributes_file: AttributesFile = NO_ATTRIBUTES
    """TOML file with custom user attributes beyond the standard claims: type, who may write them, and the scope that
    releases them. All of these services need the same file. Example: docs/claims.md."""


class DatabaseSettings(ServiceSettings):
    database_url: str = Field(repr=False)  # contains a password
    """sqlite+aiosqlite:////path/to/file or postgresql+asyncpg://user:password@host/database."""
    migrate_on_start: bool = False
    """Whether to apply pending migrations at start. If not, the service does not start while migrations are pending."""


class BusSettings(ServiceSettings):
    nats_url: str = Field(repr=False)  # may contain a password
    """URLs of the NATS servers, nats://host:port, separated by commas."""
    nats_creds: SecretFile | None = None
    """File with the NATS credentials of this service."""
    nats_replicas: int = Field(default=1, ge=1, le=5)
    """Replicas of each stream; 3 in a NATS cluster."""
    nats_stream_bytes: int = Field(default=2 * 1024**3, ge=16 * 1024**2)
    """File storage of the streams of one NATS account: 60 % for events, 30 % for token telemetry, 5 % for the list of
    undelivered events. A full stream drops its oldest events. Only key-rotation uses this setting."""


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


class ConfigurationError(Exception):
    """Invalid settings. The message lists each invalid variable with the cause."""


def load(settings_type: type[SettingsT]) -> SettingsT:
    """Read the settings from the environment.

    Raises:
        ConfigurationError: a variable is missing or invalid; the message has one line for each.
    """
    try:
        return settings_type.model_validate({})  # pydantic-settings adds the environment
    except ValidationError as error:
        lines = [f"  {_variable(fault['loc'])}: {_sentence(fault)}" for fault in error.errors(include_input=False)]
        raise ConfigurationError("Invalid configuration:\n" + "\n".join(lines)) from None


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "configuration"
    return name if name.startswith(PREFIX) else f"{PREFIX}{name.upper()}"


def _sentence(fault: Any) -> str:
    if fault["type"] == "missing":
        return "is missing"
    return str(fault["msg"]).removeprefix("Value error, ")
