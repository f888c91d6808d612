"""Calling the admin services as the identity `cli`: mutual TLS, and errors that tell a person what to do."""

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
_KNOCK_SECONDS = 1.0
_T = TypeVar("_T")


def connection() -> Connection:
    """Where Latchkey is, seen from this process. Raises CliError."""
    return find(os.environ, Path.cwd())


def run(work: Coroutine[Any, Any, _T]) -> _T:
    return asyncio.run(work)


@asynccontextmanager
async def service(name: str, found: Connection) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a service, for one command.

    Raises:
        CliError: it cannot be reached, or does not accept the caller.
        OAuthError: what it answered.
    """
    target = found.target(name)
    settings = _settings(found)
    await _knock(name, target, found)
    async with channel(target, service=name, settings=settings) as opened:
        try:
            yield opened
        except OAuthError as error:
            raise _plainer(error, name, target, found) from error


def _settings(found: Connection) -> ServiceSettings:
    """Just what a channel takes: the command line has no configuration of its own."""
    files = {"LATCHKEY_TLS_CA": found.ca, "LATCHKEY_TLS_CERTIFICATE": found.certificate, "LATCHKEY_TLS_KEY": found.key}
    for variable, path in files.items():
        if path is None:
            raise CliError(f"{found.source} does not say who you are: set {variable}")
        if not os.access(path, os.R_OK):
            raise CliError(f"{variable.removeprefix('LATCHKEY_')} {path} cannot be read")
    return ServiceSettings.model_construct(tls_ca=found.ca, tls_certificate=found.certificate, tls_key=found.key)


async def _knock(name: str, target: str, found: Connection) -> None:
    """Says at once when nobody listens; gRPC would wait for the whole deadline. Other faults are gRPC's to find."""
    host, _, port = target.rpartition(":")
    if "/" in target or not port.isdecimal():
        return
    try:
        async with asyncio.timeout(_KNOCK_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.close()
    except ConnectionRefusedError:
        raise _unreachable(name, target, found) from None
    except OSError:
        return


def _plainer(error: OAuthError, name: str, target: str, found: Connection) -> Exception:
    prefix = name.upper().replace("-", "_")
    match error.reason.removeprefix(f"{prefix}_"):
        case "UNREACHABLE":
            return _unreachable(name, target, found)
        case "PERMISSION_DENIED" | "UNAUTHENTICATED":
            return CliError(f"{name} refuses the certificate {found.certificate}: it is not one for the identity cli")
        case "UNIMPLEMENTED":
            return CliError(f"{name} at {target} does not know this call: is it of another version?")
        case _:
            return error


def _unreachable(name: str, target: str, found: Connection) -> CliError:
    return CliError(f"cannot reach {name} at {target} (from {found.source}): is it running?", code="unreachable")


def to_struct(members: dict[str, Any]) -> Struct:
    return ParseDict(members, Struct())


def from_struct(struct: Struct) -> dict[str, Any]:
    """As JSON; a Struct knows one kind of number, so whole ones become integers again."""
    members: dict[str, Any] = MessageToDict(struct)
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in members.items()
    }


def when(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)


async def all_pages(page: Callable[[str], Awaitable[tuple[list[_T], str]]]) -> list[_T]:
    """What all pages hold; `page` takes a page token and returns items and the next token."""
    items, token = await page("")
    while token:
        more, token = await page(token)
        items += more
    return items
