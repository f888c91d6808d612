"""Configuration from the environment: every field is `LATCHKEY_<NAME>`, and all faults are named at once.

A service mixes what it needs: ``class TokenSettings(GrpcSettings, HttpEdgeSettings, DatabaseSettings, BusSettings)``.
"""

import base64
import binascii
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, FilePath, SecretBytes, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from libs.oauth.attributes import NO_ATTRIBUTES, Attributes, parse_attributes
from libs.oauth.registration import RegistrationMode

PREFIX = "LATCHKEY_"
KEY_BYTES = 32
MOST_KEYS = 3
_VISIBLE = frozenset(chr(code) for code in range(0x21, 0x7F)) - set("?#@\"'\\<>")


class Address(NamedTuple):
    """Where to listen. Port 0 lets the system choose."""

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
    """https, or http for a loopback host; no query, fragment or user information (RFC 8414 2); no last slash."""
    if not _VISIBLE.issuperset(value):
        raise ValueError("must be visible ASCII without query, fragment and user information")
    parts = urlsplit(value)
    _ = parts.port  # raises ValueError for one that is none
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("must be an https URL")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https: plain http is for loopback hosts only")
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
    """A key while it is replaced: `first` makes what is made, and what any of them made is accepted."""

    every: tuple[bytes, ...] = field(repr=False)
    """At least one."""

    @property
    def first(self) -> bytes:
        return self.every[0]


def _text(path: str | Path) -> str:
    """Raises ValueError, which never says what the file holds."""
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError("must hold base64url text") from None


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError("must hold base64url text") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"must hold {KEY_BYTES} random bytes as base64url text")
    return key


def _key_from_file(value: Any) -> Any:
    if not isinstance(value, (str, Path)):
        return value
    return _key(_text(value))


def _keys_from_file(value: Any) -> Any:
    if not isinstance(value, (str, Path)):
        return value
    keys = tuple(map(_key, _text(value).split()))
    if not 1 <= len(keys) <= MOST_KEYS or len(set(keys)) != len(keys):
        raise ValueError(f"must hold one to {MOST_KEYS} different keys, each on a line of its own")
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
"""The environment names a file; the field holds what it says."""
PublicUrl = Annotated[str, AfterValidator(_public_url)]
ListenAddress = Annotated[Address, NoDecode, BeforeValidator(_address)]
SecretKeyFile = Annotated[SecretBytes, BeforeValidator(_key_from_file)]
"""The environment names a file with 32 bytes as base64url text; the field holds the bytes."""
SecretKeysFile = Annotated[SecretKeys, NoDecode, BeforeValidator(_keys_from_file)]
"""The same, with one key on each line while it is replaced: the first makes, all of them are accepted."""
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]


class ServiceSettings(BaseSettings):
    """What every service is told."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True)

    issuer: PublicUrl
    """The issuer identifier (RFC 8414 2): base of the browser edge, compared character for character by clients."""
    tls_ca: FilePath
    """PEM of the authority that signs the certificates of all services."""
    tls_certificate: FilePath
    """PEM of this service's certificate; its DNS name `<service>.latchkey.internal` is its identity."""
    tls_key: FilePath
    """PEM of the key of that certificate."""
    ops_listen: ListenAddress = Address("127.0.0.1", 0)
    """Health and metrics, for the platform and never for the public."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    shutdown_seconds: float = Field(default=20, gt=0, allow_inf_nan=False)
    """How long a stopping process may take to finish what it has begun."""


class GrpcSettings(ServiceSettings):
    grpc_listen: ListenAddress
    """Where other services reach this one."""


class HttpEdgeSettings(ServiceSettings):
    http_listen: ListenAddress
    """Where the public, or the ingress before it, reaches this service."""
    trusted_proxies: Networks = ()
    """Addresses whose X-Forwarded-For is believed."""
    http_tls_certificate: FilePath | None = None
    """PEM of the public certificate with its chain. Without it the edge speaks plain http, to an ingress with TLS."""
    http_tls_key: FilePath | None = None
    """PEM of the key of that certificate. Both files are read again when they change."""

    http_max_connections: int = Field(default=2_000, ge=10)
    """Open connections of one process. At the limit, a new connection replaces one that is slow or idle."""
    http_max_connections_per_address: int = Field(default=500, ge=1)
    """As many of one remote address. Does not apply to LATCHKEY_TRUSTED_PROXIES."""

    @model_validator(mode="after")
    def _certificate_and_key_go_together(self) -> Self:
        if (self.http_tls_certificate is None) != (self.http_tls_key is None):
            raise ValueError("LATCHKEY_HTTP_TLS_CERTIFICATE and LATCHKEY_HTTP_TLS_KEY go together")
        return self


class RegistrationSettings(ServiceSettings):
    registration: RegistrationMode = "closed"
    """May clients register themselves (RFC 7591)? `closed`: no. `token`: those to whom an operator gave an initial
    access token. `open`: anybody's, so that strangers can put applications of any name before people: for closed
    networks and test systems, or where that is the point."""


class AttributeSettings(ServiceSettings):
    attributes_file: AttributesFile = NO_ATTRIBUTES
    """TOML with the attributes of people beyond the standard claims: type, who writes them, and the scope that releases
    them. The same file for each of these services; docs/claims.md shows one."""


class DatabaseSettings(ServiceSettings):
    database_url: str = Field(repr=False)  # it has a password
    """sqlite+aiosqlite:////path/to/file or postgresql+asyncpg://user:password@host/database."""
    migrate_on_start: bool = False
    """Apply pending migrations at start; otherwise a start with pending ones is refused."""


class BusSettings(ServiceSettings):
    nats_url: str = Field(repr=False)  # as above
    """nats://host:port, several separated by commas."""
    nats_creds: FilePath | None = None
    """File with this service's NATS credentials."""
    nats_replicas: int = Field(default=1, ge=1, le=5)
    """Copies of each stream; 3 in a cluster."""
    nats_stream_bytes: int = Field(default=2 * 1024**3, ge=16 * 1024**2)
    """File storage of the streams of one account: 60 % for events, 30 % for token telemetry, 5 % for dead letters. A full
    stream drops its oldest events. Read by the service that keeps the streams (key-rotation)."""


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


class ConfigurationError(Exception):
    """Configuration that cannot be used; the message names every fault with its variable."""


def load(settings_type: type[SettingsT]) -> SettingsT:
    """Reads the environment.

    Raises:
        ConfigurationError: with one line per fault.
    """
    try:
        return settings_type.model_validate({})  # pydantic-settings adds the environment
    except ValidationError as error:
        lines = [f"  {_variable(fault['loc'])}: {_sentence(fault)}" for fault in error.errors(include_input=False)]
        raise ConfigurationError("Configuration is not usable:\n" + "\n".join(lines)) from None


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "configuration"
    return name if name.startswith(PREFIX) else f"{PREFIX}{name.upper()}"


def _sentence(fault: Any) -> str:
    if fault["type"] == "missing":
        return "is missing"
    return str(fault["msg"]).removeprefix("Value error, ")
