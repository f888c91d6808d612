"""Calls to the admin services with the identity `cli`, over mutual TLS."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from libs.cli.connection import Connection, find
from libs.cli.errors import CliError
from libs.oauth.errors import OAuthError
from libs.servicekit.base.settings import ServiceSettings
from libs.servicekit.grpc.channels import channel

PAGE_SIZE = 500
_CONNECT_SECONDS = 1.0
_T = TypeVar("_T")


def connection() -> Connection:
    """The connection settings for this process. Raises CliError."""
    return find(os.environ, Path.cwd())


def run(work: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run(work)


@asynccontextmanager
async def service(name: str, found: Connection) -> AsyncIterator[grpc.aio.Channel]:
    """Opens a channel to a service.

    Raises:
        CliError: the service cannot be reached or refuses the certificate.
        OAuthError: the service returned an error.
    """
    target = found.target(name)
    settings = _settings(found)
    await _check_port(name, target, found)
    async with channel(target, service=name, settings=settings) as opened:
        try:
            yield opened
        except OAuthError as error:
            raise _cli_error(error, name, target, found) from error


def _settings(found: Connection) -> ServiceSettings:
    """The settings that a channel needs; the command line has no other settings."""
    files = {"LATCHKEY_TLS_CA": found.ca, "LATCHKEY_TLS_CERTIFICATE": found.certificate, "LATCHKEY_TLS_KEY": found.key}
    for variable, path in files.items():
        if path is None:
            raise CliError(f"{found.source} names no credentials: set {variable}")
        if not os.access(path, os.R_OK):
            raise CliError(f"{variable.removeprefix('LATCHKEY_')} {path} cannot be read")
    return ServiceSettings.model_construct(tls_ca=found.ca, tls_certificate=found.certificate, tls_key=found.key)


async def _check_port(name: str, target: str, found: Connection) -> None:
    """Raises CliError at once when the port is closed; gRPC would wait until its deadline. It ignores other errors."""
    host, _, port = target.rpartition(":")
    if "/" in target or not port.isdecimal():
        return
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.close()
    except ConnectionRefusedError:
        raise _unreachable(name, target, found) from None
    except OSError:
        return


def _cli_error(error: OAuthError, name: str, target: str, found: Connection) -> Exception:
    prefix = name.upper().replace("-", "_")
    match error.reason.removeprefix(f"{prefix}_"):
        case "UNREACHABLE":
            return _unreachable(name, target, found)
        case "PERMISSION_DENIED" | "UNAUTHENTICATED":
            return CliError(
                f"{name} refused the certificate {found.certificate}: it must be issued for the identity cli"
            )
        case "UNIMPLEMENTED":
            return CliError(f"{name} at {target} does not support this command: check that its version matches")
        case _:
            return error


def _unreachable(name: str, target: str, found: Connection) -> CliError:
    return CliError(f"cannot reach {name} at {target} (from {found.source}): is it running?", code="unreachable")


def to_struct(members: dict[str, Any]) -> Struct:
    return ParseDict(members, Struct())


def from_struct(struct: Struct) -> dict[str, Any]:
    """The members as JSON values. A Struct has floating-point numbers only, so whole numbers become integers again."""
    members: dict[str, Any] = MessageToDict(struct)
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in members.items()
    }


def when(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)


async def all_pages(page: Callable[[str], Awaitable[tuple[list[_T], str]]]) -> list[_T]:
    """The items of all pages. `page` takes a page token and returns items and the next page token."""
    items, token = await page("")
    while token:
        more, token = await page(token)
        items += more
    return items
