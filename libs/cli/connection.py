"""Addresses and credentials of a Latchkey server: from the run.json of `make run`, or from LATCHKEY_* variables."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from libs.cli.errors import CliError

PROJECT_ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("authorize-frontend", "token", "authentication", "device", "key-rotation", "event-bridge")
OPTIONAL = frozenset({"event-bridge"})
"""Services that an installation may leave out."""
_RUN_FILE = "run.json"


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Addresses and credentials; unknown values are empty or None."""

    source: str
    """Origin of the values, for error messages: a path, or "the environment"."""
    grpc: Mapping[str, str] = field(default_factory=dict)
    """Service -> gRPC target."""
    ops: Mapping[str, str] = field(default_factory=dict)
    """Service -> host:port of its health endpoint."""
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    nats_url: str = ""
    nats_creds: Path | None = None
    subscribers_key: Path | None = None
    """The key that signs credentials of subscribers (libs/servicekit/nats/subscribers.py)."""
    issuer: str = ""
    client_edge: str = ""

    def target(self, service: str) -> str:
        """The gRPC target of a service.

        Raises:
            CliError: the target is unknown.
        """
        if service not in self.grpc:
            raise CliError(f"{self.source} has no address of {service}: set {_variable(service, 'TARGET')}")
        return self.grpc[service]


def find(environment: Mapping[str, str], folder: Path) -> Connection:
    """Finds the server to connect to.

    In this order: run.json in LATCHKEY_HOME; run.json in the nearest .latchkey folder above `folder`, or in the
    project's; the LATCHKEY_* variables.

    Raises:
        CliError: no server was found, or run.json is invalid.
    """
    for path in _run_files(environment, folder):
        if path.is_file():
            return _from_run_file(path)
    if any(environment.get(_variable(service, "TARGET")) for service in SERVICES) or environment.get(
        "LATCHKEY_NATS_URL"
    ):
        return _from_environment(environment)
    home = environment.get("LATCHKEY_HOME")
    place = f" in LATCHKEY_HOME {home}" if home else ""
    raise CliError(
        f"no running Latchkey found{place}: start one with make run, or set LATCHKEY_TOKEN_TARGET, "
        "LATCHKEY_AUTHENTICATION_TARGET, LATCHKEY_KEY_ROTATION_TARGET and "
        "LATCHKEY_TLS_CA, LATCHKEY_TLS_CERTIFICATE, LATCHKEY_TLS_KEY "
        "(events: LATCHKEY_NATS_URL, LATCHKEY_NATS_CREDS; subscribers: LATCHKEY_SUBSCRIBERS_KEY)",
        code="not_found",
    )


def _run_files(environment: Mapping[str, str], folder: Path) -> Iterator[Path]:
    if home := environment.get("LATCHKEY_HOME"):
        yield Path(home) / _RUN_FILE  # explicit: never fall back to another run
        return
    for place in (folder, *folder.parents, PROJECT_ROOT):
        yield place / ".latchkey" / _RUN_FILE


def _from_run_file(path: Path) -> Connection:
    try:
        run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        services, own = run["services"], run["cli"]
        return Connection(
            source=str(path),
            grpc={name: each["grpc"] for name, each in services.items() if "grpc" in each},
            ops={name: each["ops"] for name, each in services.items() if "ops" in each},
            ca=Path(own["ca"]),
            certificate=Path(own["certificate"]),
            key=Path(own["key"]),
            nats_url=run["nats_url"],
            nats_creds=Path(own["nats_creds"]) if own["nats_creds"] else None,
            subscribers_key=Path(own["subscribers_key"]) if own.get("subscribers_key") else None,
            issuer=run["issuer"],
            client_edge=run["client_edge"],
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CliError(
            f"{path} cannot be read ({type(error).__name__}: {error}): check that make run is of the same version"
        ) from None


def _from_environment(environment: Mapping[str, str]) -> Connection:
    def given(kind: str) -> dict[str, str]:
        values = {service: environment.get(_variable(service, kind), "") for service in SERVICES}
        return {service: value for service, value in values.items() if value}

    def path(variable: str) -> Path | None:
        value = environment.get(variable)
        return Path(value) if value else None

    return Connection(
        source="the environment",
        grpc=given("TARGET"),
        ops=given("OPS"),
        ca=path("LATCHKEY_TLS_CA"),
        certificate=path("LATCHKEY_TLS_CERTIFICATE"),
        key=path("LATCHKEY_TLS_KEY"),
        nats_url=environment.get("LATCHKEY_NATS_URL", ""),
        nats_creds=path("LATCHKEY_NATS_CREDS"),
        subscribers_key=path("LATCHKEY_SUBSCRIBERS_KEY"),
        issuer=environment.get("LATCHKEY_ISSUER", ""),
        client_edge=environment.get("LATCHKEY_CLIENT_EDGE_URL", ""),
    )


def _variable(service: str, kind: str) -> str:
    return f"LATCHKEY_{service.upper().replace('-', '_')}_{kind}"
