"""The roles of the services in a real PostgreSQL: each owns its schema, and no role reads the schema of another service."""

import base64
import os
from collections.abc import Mapping
from uuid import uuid4

import asyncpg
import pytest
from asyncpg.exceptions import InsufficientPrivilegeError
from sqlalchemy.engine import make_url

from deploy.docker import roles
from deploy.provision.topology import SERVICES
from libs.servicekit.sql.database import Database
from libs.servicekit.sql.schema_history import upgrade
from tests.support.databases import postgres_url

PASSWORD = base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=")


@pytest.fixture
async def database():
    """An empty database prepared with the roles, which are called otherwise here: roles are common to a server."""
    suffix = uuid4().hex[:12]
    name = f"test_roles_{suffix}"
    own = {service.name: f"{service.package}_{suffix}" for service in SERVICES if service.database}
    verifiers = {role: roles.scram_verifier(PASSWORD, salt=os.urandom(16)) for role in own.values()}
    await administer(f"CREATE DATABASE {name}")
    try:
        await administer(roles.statements(verifiers, database=name), database=name)
        yield name, own
    finally:
        await administer(f"DROP DATABASE {name} WITH (FORCE)")
        await administer("".join(f"DROP ROLE IF EXISTS {role};" for role in own.values()))


async def administer(statements: str, *, database: str | None = None) -> None:
    connection = await asyncpg.connect(url(database=database))
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


def url(*, database: str | None = None, role: str | None = None) -> str:
    address = make_url(postgres_url())
    if database:
        address = address.set(database=database)
    if role:
        address = address.set(username=role, password=PASSWORD)
    return address.render_as_string(hide_password=False)


async def tables(database: str, own: Mapping[str, str]) -> dict[str, list[str]]:
    """Migrates every service as its role; its tables by service."""
    found = {}
    for service, role in own.items():
        data = Database.open(
            url(database=database, role=role).replace("postgresql:", "postgresql+asyncpg:", 1), schema=role
        )
        await upgrade(data, service=service)
        await data.close()
        connection = await asyncpg.connect(url(database=database, role=role))
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", role)
        await connection.close()
        found[service] = [row["tablename"] for row in rows]
    return found


async def test_service_role_reaches_only_its_own_schema(database):
    name, own = database
    everybodys = await tables(name, own)
    assert all(everybodys.values())
    for role in own.values():
        connection = await asyncpg.connect(url(database=name, role=role))
        for other, names in everybodys.items():
            if own[other] == role:
                assert await connection.fetchval(f"SELECT count(*) FROM {role}.{names[0]}") is not None
                continue
            for table in names:
                for statement in (f"SELECT 1 FROM {own[other]}.{table}", f"DELETE FROM {own[other]}.{table}"):
                    with pytest.raises(InsufficientPrivilegeError):
                        await connection.execute(statement)
            with pytest.raises(InsufficientPrivilegeError):
                await connection.execute(f"CREATE TABLE {own[other]}.mine (i int)")
        await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE public.mine (i int)",
        "CREATE ROLE friend",
        "CREATE DATABASE mine",
        "SET ROLE {other}",
        "GRANT {other} TO {role}",
        "DROP SCHEMA {other} CASCADE",
        "SELECT * FROM pg_authid",
        "COPY (SELECT 1) TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
async def test_service_role_cannot_extend_its_rights(database, statement):
    name, own = database
    connection = await asyncpg.connect(url(database=name, role=own["device"]))
    try:
        with pytest.raises(InsufficientPrivilegeError):
            await connection.execute(statement.format(role=own["device"], other=own["key-rotation"]))
    finally:
        await connection.close()


async def test_other_role_cannot_connect_to_database(database):
    name, _ = database
    outsider = f"outsider_{uuid4().hex[:12]}"
    await administer(f"CREATE ROLE {outsider} LOGIN PASSWORD '{PASSWORD}'")
    try:
        with pytest.raises(InsufficientPrivilegeError):
            await asyncpg.connect(url(database=name, role=outsider))
    finally:
        await administer(f"DROP ROLE {outsider}")
