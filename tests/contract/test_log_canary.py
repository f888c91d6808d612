"""Whatever is sent in a field that the contract calls sensitive reaches no log: every method, every way to end."""

from contextlib import nullcontext
from typing import Any

import pytest
from google.protobuf.message_factory import GetMessageClass

from latchkey.access.v1 import access_pb2
from libs.oauth.errors import InvalidGrant, OAuthError
from libs.oauth.reasons import Reason
from libs.servicekit.grpc.server import permitted_callers
from tests.contract.contract import Answer, all_registrations, call, fields_with, filled, methods
from tests.support.log_lines import captured_log
from tests.support.mutual_tls import IDENTITIES

pytestmark = pytest.mark.s(60)
CANARY = "canary-6f1d0c"


async def answered(method: Any, _request: Any) -> Any:
    return filled(GetMessageClass(method.output_type)(), CANARY)


async def refused(_method: Any, request: Any) -> Any:
    raise InvalidGrant(reason=Reason.CODE_UNKNOWN) from ValueError(len(str(request)))


async def failed(_method: Any, request: Any) -> Any:
    secret = str(request)  # a local variable of a frame in the traceback
    raise RuntimeError("the database said no") from ValueError(len(secret))


def test_the_contract_marks_what_is_secret():
    marked = {field.full_name.removeprefix("latchkey.") for field in fields_with(access_pb2.sensitive)}
    assert {
        "authentication.v1.SignInRequest.password",
        "authentication.v1.SignInResponse.session_secret",
        "authentication.v1.AttestedSession.mac",
        "token.v1.CreateClientResponse.client_secret",
        "token.v1.Parameter.value",
        "token.v1.Interaction.request_id",
        "keys.v1.SealedSigningKey.sealed",
        "device.v1.CreateDeviceCodeResponse.device_code",
    } <= marked
    assert not {name for name in marked if name.startswith("events.")}


def test_fields_named_as_secrets_are_marked():
    marked = set(fields_with(access_pb2.sensitive))
    words = ("secret", "password", "device_code", "user_code", "sealed", "mac")
    for method in methods():
        for message in (method.input_type, method.output_type):
            unmarked = [field.full_name for field in message.fields if field.name in words or "secret" in field.name]
            assert set(unmarked) <= {field.full_name for field in marked}


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize(("answer", "code"), [(answered, ""), (refused, ""), (failed, "grpc.call_failed")])
async def test_logs_contain_no_request_or_response_data(serve, connect, style, answer: Answer, code):
    with captured_log(style) as log:
        target = await serve(all_registrations(answer))
        for identity in ("token", "cli", "authorize-frontend"):
            channel = await connect(target, identity=identity)
            for method in methods():
                if identity in permitted_callers(method):
                    with nullcontext() if answer is answered else pytest.raises(OAuthError):
                        await call(channel, method, filled(GetMessageClass(method.input_type)(), CANARY))
    assert CANARY not in log.text
    assert code in log.text


async def test_refused_caller_is_logged_by_identity_without_its_request(serve, connect):
    with captured_log() as log:
        target = await serve(all_registrations())
        for identity in IDENTITIES:
            channel = await connect(target, identity=identity)
            for method in methods():
                if identity not in permitted_callers(method):
                    with pytest.raises(OAuthError):
                        await call(channel, method, filled(GetMessageClass(method.input_type)(), CANARY))
    assert CANARY not in log.text
    assert {record["event"] for record in log.records} == {"grpc.caller_refused"}
    assert {record["caller"] for record in log.records} == set(IDENTITIES)
    assert all(record["method"].startswith("/latchkey.") for record in log.records)
    assert all(len(record["trace_id"]) == 32 for record in log.records)
