"""The in-memory admin services behind the real gRPC server, and the readiness endpoint of services."""

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import grpc
from aiohttp import web

from latchkey.authentication.v1 import admin_pb2 as users_pb2
from latchkey.authentication.v1.admin_pb2_grpc import add_UserAdminServiceServicer_to_server
from latchkey.keys.v1 import admin_pb2 as keys_admin_pb2
from latchkey.keys.v1 import keys_pb2
from latchkey.keys.v1.admin_pb2_grpc import add_KeyAdminServiceServicer_to_server
from latchkey.keys.v1.keys_pb2_grpc import add_VerificationKeyServiceServicer_to_server
from latchkey.token.v1 import admin_pb2 as clients_pb2
from latchkey.token.v1.admin_pb2_grpc import (
    add_ClientAdminServiceServicer_to_server,
    add_GrantAdminServiceServicer_to_server,
)
from libs.servicekit.base.service import Check, CheckResult, Registration, Service
from libs.servicekit.base.settings import Address, GrpcSettings
from libs.servicekit.grpc import server as grpc_server
from libs.servicekit.process import ops
from tests.unit.cli.rpc import Clients, Grants, KeyAdmin, Keys, Users

_T = TypeVar("_T")


class Services:
    """Three admin services on free ports. They run in a thread, because the command line runs in the main thread."""

    def __init__(self, tls: Path) -> None:
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._servers: list[grpc.aio.Server] = []
        self._runners: list[web.AppRunner] = []
        self.clients, self.users, self.keys = Clients(), Users(), Keys()
        self.key_admin, self.grants = KeyAdmin(), Grants()
        self.targets: dict[str, str] = {}
        self.ops: dict[str, str] = {}

    def start(self) -> None:
        self._thread.start()
        client_admin = clients_pb2.DESCRIPTOR.services_by_name["ClientAdminService"]
        user_admin = users_pb2.DESCRIPTOR.services_by_name["UserAdminService"]
        grant_admin = clients_pb2.DESCRIPTOR.services_by_name["GrantAdminService"]
        keys = keys_pb2.DESCRIPTOR.services_by_name["VerificationKeyService"]
        key_admin = keys_admin_pb2.DESCRIPTOR.services_by_name["KeyAdminService"]
        for name, registrations in {
            "token": [
                Registration(add_ClientAdminServiceServicer_to_server, self.clients, client_admin),
                Registration(add_GrantAdminServiceServicer_to_server, self.grants, grant_admin),
            ],
            "authentication": [Registration(add_UserAdminServiceServicer_to_server, self.users, user_admin)],
            "key-rotation": [
                Registration(add_VerificationKeyServiceServicer_to_server, self.keys, keys),
                Registration(add_KeyAdminServiceServicer_to_server, self.key_admin, key_admin),
            ],
        }.items():
            server, port = self._do(grpc_server.start(self._settings(name), registrations))
            self._servers.append(server)
            self.targets[name] = f"127.0.0.1:{port}"

    def report(self, name: str, **checks: CheckResult) -> None:
        """Serves /readyz of a service with these checks."""

        def answering(result: CheckResult) -> Check:
            async def check() -> CheckResult:
                return result

            return check

        service = Service(checks={each: answering(result) for each, result in checks.items()})
        self.ops[name] = self._do(self._serve(ops.application(ops.Health(name, service))))

    async def _serve(self, application: web.Application) -> str:
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._runners.append(runner)
        return "{}:{}".format(*runner.addresses[0])

    def stop(self) -> None:
        for server in self._servers:
            self._do(server.stop(0))
        for runner in self._runners:
            self._do(runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _settings(self, identity: str) -> GrpcSettings:
        return GrpcSettings(
            issuer="http://localhost:8080",
            tls_ca=self._tls / "ca.pem",
            tls_certificate=self._tls / f"{identity}.pem",
            tls_key=self._tls / f"{identity}.key",
            grpc_listen=Address("127.0.0.1", 0),
        )

    def _do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
