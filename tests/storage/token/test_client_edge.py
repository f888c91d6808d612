"""The rules of the client edge, whatever the endpoint: what is read, what is refused, and in which form."""

import base64
import gzip
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from libs.oauth.errors import InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from tests.storage.token.edge import FORM, Edge, edge_of, post, refusal, serving
from tests.storage.token.world import Registered, World

MACHINE = {"grant_type": "client_credentials"}


@pytest.fixture
async def edge(world: World) -> AsyncIterator[Edge]:
    async with edge_of(world) as edge:
        yield edge


@pytest.fixture
async def machine(world: World) -> Registered:
    return await world.machine()


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.mark.s(61)
@pytest.mark.parametrize("name", ["grant_type", "scope", "client_id", "unknown"])
async def test_a_repeated_parameter_is_refused(edge: Edge, machine: Registered, name: str) -> None:
    form = [*MACHINE.items(), (name, "client_credentials"), (name, "")]
    assert await refusal(await post(edge, "/token", form, client=machine)) == (400, "invalid_request")


@pytest.mark.s(61)
@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", "", "x"])
async def test_another_content_type_is_refused(edge: Edge, machine: Registered, content_type: str) -> None:
    headers = [("Content-Type", content_type)]
    response = await post(edge, "/token", MACHINE, client=machine, headers=headers)
    assert await refusal(response) == (400, "invalid_request")


async def test_a_charset_beside_the_content_type_is_no_reason_to_refuse(edge: Edge, machine: Registered) -> None:
    headers = [("Content-Type", f"{FORM.upper()}; charset=utf-8")]
    assert (await post(edge, "/token", MACHINE, client=machine, headers=headers)).status == 200


@pytest.mark.s(61)
@pytest.mark.parametrize(
    "body",
    [
        b"grant_type",
        b"\xff",
        b"grant_type=%ff",
        b"grant_type=client_credentials&scope=%00",
        b"&".join(b"p%d=x" % number for number in range(65)),
        b"x" * 200 + b"=1",
        b"",
    ],
)
async def test_a_malformed_body_is_refused(edge: Edge, machine: Registered, body: bytes) -> None:
    assert await refusal(await post(edge, "/token", body, client=machine)) == (400, "invalid_request")


@pytest.mark.s(61)
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("path", ["/token", "/userinfo"])
async def test_a_compressed_body_is_refused_and_never_unpacked(
    edge: Edge, machine: Registered, path: str, coding: str
) -> None:
    whole = b"x" * 1_000_000
    packed = {"gzip": gzip.compress(whole), "deflate": zlib.compress(whole)}[coding]
    response = await post(edge, path, packed, client=machine, headers=[("Content-Encoding", coding)])
    assert await refusal(response) == (400, "invalid_request")
    rubbish = await post(edge, path, b"rubbish", client=machine, headers=[("Content-Encoding", coding)])
    assert rubbish.status == 400  # by the HTTP library, before there is a request


@pytest.mark.s(61)
@pytest.mark.parametrize("path", ["/token", "/userinfo"])
async def test_an_oversized_body_is_refused(edge: Edge, machine: Registered, path: str) -> None:
    body = b"grant_type=client_credentials&x=" + b"x" * 64 * 1024
    assert await refusal(await post(edge, path, body, client=machine)) == (413, "invalid_request")


@pytest.mark.s(45)
async def test_parameters_in_the_url_are_refused(edge: Edge, machine: Registered) -> None:
    response = await post(edge, "/token?grant_type=client_credentials", b"", client=machine)
    assert await refusal(response) == (400, "invalid_request")


async def test_other_methods_and_paths_are_refused_in_json(edge: Edge) -> None:
    response = await edge.get("/token")
    assert await refusal(response) == (405, "invalid_request")
    assert set(response.headers["Allow"].split(",")) == {"OPTIONS", "POST"}
    assert await refusal(await edge.put("/token")) == (405, "invalid_request")
    assert await refusal(await edge.delete("/userinfo")) == (405, "invalid_request")
    for path in ("/", "/token/", "/Token", "/tokens", "/userinfo/x", "/%00", "/..;/token"):
        assert await refusal(await edge.get(path)) == (404, "invalid_request")


@pytest.mark.s(58)
@pytest.mark.parametrize("path", ["/token", "/userinfo", "/revoke"])
async def test_browsers_of_any_origin_may_call_but_without_credentials(edge: Edge, path: str) -> None:
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    preflight = await edge.options(path, headers=headers)
    assert preflight.status == 204
    allowed = {"Authorization", "Content-Type", "DPoP", "X-Requested-With", "traceparent", "tracestate", "baggage"}
    assert set(preflight.headers["Access-Control-Allow-Headers"].split(", ")) == allowed
    assert "WWW-Authenticate" in preflight.headers["Access-Control-Expose-Headers"]
    for response in (preflight, await post(edge, path, b"", headers=list(headers.items()))):
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in response.headers
        assert "Set-Cookie" not in response.headers


@pytest.mark.s(58)
@pytest.mark.parametrize("path", ["/introspect", "/device_authorization", "/nothing"])
async def test_browsers_of_other_origins_may_not_call_what_no_browser_needs(edge: Edge, path: str) -> None:
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    for response in (
        await edge.options(path, headers=headers),
        await post(edge, path, b"", headers=list(headers.items())),
    ):
        assert response.status in {400, 404, 405}
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_response_has_the_trace_id_of_the_log_lines(edge: Edge) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = [("traceparent", f"00-{trace_id}-b7ad6b7169203331-01")]
    response = await post(edge, "/token", b"grant_type=x", headers=headers)
    assert (response.status, response.headers["X-Trace-Id"]) == (400, trace_id)


class Fails:
    """A use case that fails in some way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def __call__(self, *_arguments: object, **_named: object) -> dict[str, Any]:
        raise self._error


@pytest.mark.s(60, 66)
async def test_unexpected_error_returns_trace_id_without_details() -> None:
    failing = Fails(RuntimeError("canary: password=hunter2"))
    async with serving(token=failing, userinfo=failing) as edge:
        trace = "0af7651916cd43dd8448eb211c80319c"
        headers = [("traceparent", f"00-{trace}-b7ad6b7169203331-01"), ("Authorization", "Bearer x")]
        for path, headers_sent in (("/token", headers[:1]), ("/userinfo", headers)):
            response = await post(edge, path, {**MACHINE, "client_id": "c"}, headers=headers_sent)
            assert await refusal(response) == (500, "server_error")
            text = await response.text()
            assert "canary" not in text
            assert trace in text


async def test_when_the_service_is_busy_it_says_when_to_come_back() -> None:
    failing = Fails(TemporarilyUnavailable(reason=Reason.KEY_MISSING, retry_after=5))
    async with serving(token=failing, userinfo=failing) as edge:
        response = await post(edge, "/token", {**MACHINE, "client_id": "c"})
        assert await refusal(response) == (503, "temporarily_unavailable")
        assert response.headers["Retry-After"] == "5"


@pytest.mark.s(9)
async def test_a_description_can_never_leave_its_characters() -> None:
    failing = Fails(InvalidRequest('x"\\\r\nSet-Cookie: a=b ä'))
    async with serving(token=failing, userinfo=failing) as edge:
        response = await post(edge, "/token", {**MACHINE, "client_id": "c"})
        assert await refusal(response) == (400, "invalid_request")
        assert "Set-Cookie" not in response.headers


_KNOWN_NAMES = (
    "grant_type code refresh_token client_id client_secret scope redirect_uri code_verifier access_token "
    "client_assertion client_assertion_type nonsense"
)


_NAMES = st.sampled_from(_KNOWN_NAMES.split())
_VALUES = (
    st.sampled_from(["authorization_code", "refresh_token", "client_credentials", "openid", "c_x", ""]) | st.text()
)
_FORMS = st.lists(st.tuples(_NAMES | st.text(max_size=5), _VALUES), max_size=6)
_BODIES = st.binary(max_size=200) | _FORMS
_HEADER_TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60)
_HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Authorization": _HEADER_TEXT
        | st.binary(max_size=60).map(lambda raw: "Basic " + _b64(raw))
        | _VALUES.map(lambda text: "Basic " + _b64(f"{text}:{text}".encode()))
        | _HEADER_TEXT.map(lambda text: f"Bearer {text}"),
        "Content-Type": st.sampled_from([FORM, f"{FORM}; charset=x", "application/json", ";", "a/b/c"]) | _HEADER_TEXT,
        "Content-Encoding": st.sampled_from(["gzip", "deflate", "x"]),
        "traceparent": _HEADER_TEXT | st.just("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        "Origin": _HEADER_TEXT,
        "X-Forwarded-For": _HEADER_TEXT,
        "Cookie": _HEADER_TEXT,
    },
)


@pytest.mark.s(61)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(["/token", "/userinfo"]), body=_BODIES, headers=_HEADERS)
async def test_malformed_body_or_header_never_causes_a_server_error(
    edge: Edge, path: str, body: Any, headers: dict[str, str]
) -> None:
    response = await post(edge, path, body, headers=list(CIMultiDict(headers).items()))
    assert 400 <= response.status < 500
    assert response.content_type == "application/json" or "Content-Encoding" in headers


@pytest.mark.s(61)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parameters=st.dictionaries(_NAMES, _VALUES, max_size=6))
async def test_whatever_a_known_client_sends_is_answered_or_refused(
    edge: Edge, machine: Registered, parameters: dict[str, str]
) -> None:
    response = await post(edge, "/token", parameters, client=machine)
    assert response.status in {200, 400}
    assert response.content_type == "application/json"


@pytest.mark.parametrize("body", [b"grant_type=client_credentials&", b"&grant_type=client_credentials&&x"])
async def test_unambiguous_form_and_unknown_url_parameter_are_accepted(
    edge: Edge, machine: Registered, body: bytes
) -> None:
    headers = [("Content-Encoding", "identity")]
    response = await post(edge, "/token?api-version=2", body, client=machine, headers=headers)
    assert response.status == 200
    assert (response.headers["Cache-Control"], response.headers["Pragma"]) == ("no-store", "no-cache")


async def test_known_parameter_in_the_url_is_refused_by_name(edge: Edge, machine: Registered) -> None:
    response = await post(edge, "/token?grant_type=x&scope=y", b"grant_type=client_credentials", client=machine)
    assert response.status == 400
    assert "grant_type, scope" in (await response.json())["error_description"]
