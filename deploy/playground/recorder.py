"""httpx2 event hooks that write what the client library sends and gets into the step that is under way.

They see the request as it leaves, after the library has added its authentication, and keep no secret in full.
"""

import shlex
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import httpx2

from deploy.playground import redact
from deploy.playground.transcript import Exchange, Parameter, current_step

_REQUEST_HEADERS = ("authorization", "content-type", "accept")
_RESPONSE_HEADERS = (
    "content-type",
    "cache-control",
    "pragma",
    "location",
    "www-authenticate",
    "retry-after",
)
_STARTED = "latchkey.started"
_EXCHANGE = "latchkey.exchange"

_NOTES = {
    "grant_type": "what is being traded",
    "code": "the one-time code that came through the browser",
    "redirect_uri": "the same address as in the authorization request",
    "device_code": "the code that the device keeps to itself",
    "code_verifier": "proves that the one who asked is the one who redeems (PKCE)",
    "refresh_token": "used up by this request: the answer brings the next one",
    "scope": "what the token shall be good for",
    "client_id": "which application this is",
    "resource": "which API the token is for",
}


def event_hooks() -> dict[str, list[Any]]:
    """The hooks, in the form that httpx2 takes."""
    return {"request": [_request], "response": [_response]}


async def _request(request: httpx2.Request) -> None:
    step = current_step()
    if step is None:
        return
    exchange = exchange_of(request)
    step.exchanges.append(exchange)
    request.extensions[_EXCHANGE] = exchange
    request.extensions[_STARTED] = time.perf_counter()


async def _response(response: httpx2.Response) -> None:
    exchange = response.request.extensions.get(_EXCHANGE)
    if exchange is None:
        return
    await response.aread()
    exchange.milliseconds = (time.perf_counter() - response.request.extensions[_STARTED]) * 1000
    exchange.status = response.status_code
    exchange.reason = response.reason_phrase
    exchange.response_headers = tuple(
        (name, redact.url(response.headers[name])) for name in _RESPONSE_HEADERS if name in response.headers
    )
    exchange.response_body = redact.body(response.text, response.headers.get("content-type", ""))


def exchange_of(request: httpx2.Request) -> Exchange:
    """A request as the page shows it."""
    form = _form(request)
    query = urlsplit(str(request.url)).query
    fields = redact.parameters(form) + redact.parameters(query)
    return Exchange(
        sender="application",
        method=request.method,
        url=redact.url(str(request.url)),
        headers=tuple(
            (name, redact.authorization(request.headers[name]) if name == "authorization" else request.headers[name])
            for name in _REQUEST_HEADERS
            if name in request.headers
        ),
        parameters=tuple(Parameter(name, text, _NOTES.get(name, "")) for name, text in fields),
        curl=_curl(request, form),
    )


def _form(request: httpx2.Request) -> str:
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return request.content.decode()
    return ""


def _curl(request: httpx2.Request, form: str) -> str:
    """The request as a command; secrets stand as shell variables, so the command can be kept and shared."""
    words = ["curl"]
    scheme, _, _ = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        words.append('-u "$CLIENT_ID:$CLIENT_SECRET"')
    elif scheme:
        words.append(f'-H "Authorization: {scheme} $ACCESS_TOKEN"')
    for name, text in parse_qsl(form):
        secret = name in redact.SECRETS
        words.append(f'--data-urlencode "{name}=${name.upper()}"' if secret else f"-d {shlex.quote(f'{name}={text}')}")
    address = urlunsplit(urlsplit(str(request.url))._replace(query="")) if form else redact.url(str(request.url))
    words.append(shlex.quote(address))
    return " \\\n  ".join(words)
