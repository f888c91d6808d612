"""The service as others meet it: its RPCs over mutual TLS, and its process."""

import asyncio
import base64
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from latchkey.authentication.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    admin_pb2,
    admin_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
)
from libs.oauth.errors import AccessDenied, InvalidRequest, OAuthError
from services.authentication.app import build
from services.authentication.config import AuthenticationSettings
from tests.support.databases import KINDS, fresh_url
from tests.support.mutual_tls import IDENTITIES, called_by, environment, make_certificates, serving

ROOT = Path(__file__).parents[3]
CALLERS: Mapping[str, tuple[type[Any], dict[str, Message]]] = {
    "authorize-frontend": (
        sessions_pb2_grpc.SessionServiceStub,
        {
            "SignIn": sessions_pb2.SignInRequest(username="unknown", password="nothing"),
            "GetSession": sessions_pb2.GetSessionRequest(session_secret="nothing"),
            "EndSession": sessions_pb2.EndSessionRequest(session_secret="nothing"),
        },
    ),
    "token": (
        accounts_pb2_grpc.AccountServiceStub,
        {"GetAccount": accounts_pb2.GetAccountRequest(user_id="unknown")},
    ),
    "cli": (
        admin_pb2_grpc.UserAdminServiceStub,
        {
            "CreateUser": admin_pb2.CreateUserRequest(username="alice"),
            "ListUsers": admin_pb2.ListUsersRequest(),
            "SetPassword": admin_pb2.SetPasswordRequest(username="unknown", password="alice-password"),
            "DisableUser": admin_pb2.DisableUserRequest(username="unknown"),
            "ResetFactors": admin_pb2.ResetFactorsRequest(username="unknown"),
        },
    ),
}


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=KINDS)
async def variables(request: pytest.FixtureRequest, tls: Path, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    key = tmp_path / "attestation.key"
    key.write_text(base64.urlsafe_b64encode(bytes(range(32))).decode())
    async with fresh_url(request.param, folder=tmp_path) as url:
        own = {"LATCHKEY_SESSION_ATTESTATION_KEY_FILE": str(key), "LATCHKEY_FACTOR_ENCRYPTION_KEY_FILE": str(key)}
        yield environment("authentication", tls=tls, database_url=url) | own


@pytest.fixture
async def target(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    async with serving(build, AuthenticationSettings.model_validate({})) as target:
        yield target


async def test_user_is_created_signs_in_is_read_and_signs_out(target: str, tls: Path) -> None:
    async with (
        called_by("cli", target, service="authentication", tls=tls) as cli,
        called_by("authorize-frontend", target, service="authentication", tls=tls) as frontend,
        called_by("token", target, service="authentication", tls=tls) as token,
    ):
        admin = admin_pb2_grpc.UserAdminServiceStub(cli)
        user = (await admin.CreateUser(admin_pb2.CreateUserRequest(username="alice", password="alice-password"))).user
        sessions = sessions_pb2_grpc.SessionServiceStub(frontend)
        signed_in = await sessions.SignIn(sessions_pb2.SignInRequest(username="Alice", password="alice-password"))
        present = await sessions.GetSession(sessions_pb2.GetSessionRequest(session_secret=signed_in.session_secret))
        assert present.session.user_id == user.user_id
        accounts = accounts_pb2_grpc.AccountServiceStub(token)
        question = accounts_pb2.GetAccountRequest(
            user_id=user.user_id, session_id=present.session.session_id, claims=["preferred_username"]
        )
        answer = await accounts.GetAccount(question)
        assert (answer.session_live, answer.claims["preferred_username"]) == (True, "alice")
        await sessions.EndSession(sessions_pb2.EndSessionRequest(session_secret=signed_in.session_secret))
        assert not (await accounts.GetAccount(question)).session_live


async def test_refusals_arrive_as_what_they_were(target: str, tls: Path) -> None:
    async with (
        called_by("authorize-frontend", target, service="authentication", tls=tls) as frontend,
        called_by("cli", target, service="authentication", tls=tls) as cli,
    ):
        with pytest.raises(AccessDenied) as denied:
            await sessions_pb2_grpc.SessionServiceStub(frontend).SignIn(sessions_pb2.SignInRequest(username="unknown"))
        assert denied.value.reason == "WRONG_CREDENTIALS"
        with pytest.raises(InvalidRequest) as refused:
            await admin_pb2_grpc.UserAdminServiceStub(cli).DisableUser(admin_pb2.DisableUserRequest(username="unknown"))
        assert refused.value.reason == "USER_UNKNOWN"


@pytest.mark.s(63)
@pytest.mark.parametrize("variables", ["sqlite"], indirect=True)
@pytest.mark.parametrize("identity", IDENTITIES)
async def test_each_rpc_is_refused_for_other_callers(target: str, tls: Path, identity: str) -> None:
    async with called_by(identity, target, service="authentication", tls=tls) as connection:
        for caller, (stub, requests) in CALLERS.items():
            for method, request in requests.items():
                reason = await _reason(getattr(stub(connection), method), request)
                assert (reason == "AUTHENTICATION_PERMISSION_DENIED") is (identity != caller), (method, reason)
                assert reason != "AUTHENTICATION_INTERNAL"


async def _reason(method: Any, request: Message) -> str:
    try:
        await method(request)
    except OAuthError as error:
        return error.reason
    return ""


@pytest.mark.parametrize("variables", ["sqlite"], indirect=True)
async def test_the_process_migrates_serves_and_stops_cleanly(variables: dict[str, str]) -> None:
    offline = variables | {"LATCHKEY_MIGRATE_ON_START": "false"}
    code, said = await _exit_of(offline)
    assert (code, "services.authentication migrate" in said) == (1, True)
    assert await _exit_of(offline, "migrate") == (0, "")

    process = await _start(offline)
    assert process.stderr is not None
    said = ""
    while "process.serving" not in said:
        line = await asyncio.wait_for(process.stderr.readline(), 20)
        assert line, said
        said += line.decode()
    process.send_signal(signal.SIGTERM)
    _, rest = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, said + rest.decode()
    assert not re.search(r'Traceback|"level": "error"', said + rest.decode())


async def _exit_of(variables: Mapping[str, str], *arguments: str) -> tuple[int | None, str]:
    process = await _start(variables, *arguments)
    _, said = await process.communicate()
    return process.returncode, said.decode()


async def _start(variables: Mapping[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.authentication", *arguments),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        stderr=asyncio.subprocess.PIPE,
    )
