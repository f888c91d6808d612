"""`latchkey user import`: a file with one person in each line, and what is wrong with which of them."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from latchkey.authentication.v1 import admin_pb2
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceStub
from libs.cli.admin import service, to_struct
from libs.cli.connection import Connection
from libs.oauth.errors import InvalidRequest

AT_ONCE = 8
_MEMBERS = {"username", "password_hash", "claims"}


@dataclass(frozen=True)
class Fault:
    line: int
    what: str


@dataclass
class Result:
    imported: int = 0
    faults: list[Fault] = field(default_factory=list)


class _LineFaultError(Exception):
    """A line that is not worth sending."""


async def import_users(found: Connection, lines: Iterable[str], *, dry_run: bool) -> Result:
    """Sends every line, AT_ONCE at a time; blank ones are passed over. A fault in one keeps no other back."""
    result = Result()
    places = asyncio.Semaphore(AT_ONCE)
    async with service("authentication", found) as channel, asyncio.TaskGroup() as group:
        stub = UserAdminServiceStub(channel)

        async def send(number: int, line: str) -> None:
            try:
                request = _request(line, dry_run=dry_run)
                await stub.ImportUser(request)
                result.imported += 1
            except (_LineFaultError, InvalidRequest) as fault:
                what = fault.description if isinstance(fault, InvalidRequest) else str(fault)
                result.faults.append(Fault(number, what))
            finally:
                places.release()

        for number, line in enumerate(lines, 1):
            if line.strip():
                await places.acquire()
                group.create_task(send(number, line))
    result.faults.sort(key=lambda fault: fault.line)
    return result


def _request(line: str, *, dry_run: bool) -> admin_pb2.ImportUserRequest:
    """Raises _LineFaultError with words that hold nothing of the hash."""
    try:
        read: Any = json.loads(line)
    except ValueError:
        raise _LineFaultError("is not JSON") from None
    if not isinstance(read, dict):
        raise _LineFaultError("is not a JSON object")
    if unknown := read.keys() - _MEMBERS:
        raise _LineFaultError(f"has members that are not known: {', '.join(sorted(unknown))}")
    username, password_hash, claims = read.get("username"), read.get("password_hash"), read.get("claims", {})
    if not isinstance(username, str) or not isinstance(password_hash, str) or not isinstance(claims, dict):
        raise _LineFaultError("needs a username and a password_hash (strings); claims is an object")
    return admin_pb2.ImportUserRequest(
        username=username, password_hash=password_hash, claims=to_struct(claims), dry_run=dry_run
    )
