"""`latchkey user import`: imports a file with one user per line and reports the invalid lines."""

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
_MEMBERS = {"username", "password_hash", "claims", "id"}


@dataclass(frozen=True)
class Fault:
    line: int
    what: str


@dataclass
class Result:
    imported: int = 0
    updated: int = 0
    unchanged: int = 0
    faults: list[Fault] = field(default_factory=list)


class _LineFaultError(Exception):
    """A line is invalid."""


async def import_users(found: Connection, lines: Iterable[str], *, dry_run: bool, update: bool) -> Result:
    """Imports every line, AT_ONCE concurrently. Blank lines are skipped; an invalid line does not stop the import."""
    result = Result()
    places = asyncio.Semaphore(AT_ONCE)
    async with service("authentication", found) as channel, asyncio.TaskGroup() as group:
        stub = UserAdminServiceStub(channel)

        async def send(number: int, line: str) -> None:
            try:
                request = _request(line, dry_run=dry_run, update=update)
                _count(result, request, await stub.ImportUser(request))
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


def _count(result: Result, request: admin_pb2.ImportUserRequest, response: admin_pb2.ImportUserResponse) -> None:
    """Raises _LineFaultError when an older server has ignored the id."""
    if request.user_id and response.user.user_id != request.user_id:
        raise _LineFaultError(
            f"was imported with the id {response.user.user_id}: this version of authentication cannot keep ids"
        )
    match response.outcome:
        case admin_pb2.IMPORT_OUTCOME_UPDATED:
            result.updated += 1
        case admin_pb2.IMPORT_OUTCOME_UNCHANGED:
            result.unchanged += 1
        case _:
            result.imported += 1


def _request(line: str, *, dry_run: bool, update: bool) -> admin_pb2.ImportUserRequest:
    """Raises _LineFaultError; its text never contains the password hash."""
    try:
        read: Any = json.loads(line)
    except ValueError:
        raise _LineFaultError("is not JSON") from None
    if not isinstance(read, dict):
        raise _LineFaultError("is not a JSON object")
    if unknown := read.keys() - _MEMBERS:
        raise _LineFaultError(f"has unknown members: {', '.join(sorted(unknown))}")
    username, password_hash, claims = read.get("username"), read.get("password_hash"), read.get("claims", {})
    user_id = read.get("id", "")
    if not isinstance(username, str) or not isinstance(password_hash, str) or not isinstance(user_id, str):
        raise _LineFaultError("username, password_hash and id must be strings")
    if not isinstance(claims, dict):
        raise _LineFaultError("claims must be an object")
    if "id" in read and not user_id:
        raise _LineFaultError("id must not be empty")
    return admin_pb2.ImportUserRequest(
        username=username,
        password_hash=password_hash,
        claims=to_struct(claims),
        dry_run=dry_run,
        user_id=user_id,
        update=update,
    )
