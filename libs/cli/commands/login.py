"""latchkey login --device: get tokens for a user with the device authorization grant (RFC 8628)."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import segno
import typer

from libs.cli.admin import connection
from libs.cli.app import App
from libs.cli.connection import Connection
from libs.cli.errors import CliError, UsageError
from libs.cli.output import Output, printable

app = App()

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_SCOPE = "openid profile email offline_access"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_MAX_BYTES = 1_000_000
_ANSWER_SECONDS = 15.0
_REQUIRED = ("device_code", "user_code", "verification_uri", "expires_in")
_DEFAULT_INTERVAL = 5
"""RFC 8628 3.2."""
_SLOW_DOWN_SECONDS = 5
"""RFC 8628 3.5."""


@app.answering("login")
def login(
    context: typer.Context,
    *,
    device: Annotated[
        bool, typer.Option("--device", help="Show a user code that the user approves in a browser on any device.")
    ] = False,
    client_id: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            show_default=False,
            help="Public client with the device authorization grant. Default: the client of the playground.",
        ),
    ] = None,
    scope: Annotated[str, typer.Option(metavar="TEXT", help="Scope to request, for example 'openid email'.")] = _SCOPE,
    issuer: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            show_default=False,
            help="Issuer to sign in at, for example https://id.example. Default: the server that was found.",
        ),
    ] = None,
) -> None:
    """Sign a user in and show the tokens.

    With --json, stdout has the token response and stderr has the user code.
    """
    if not device:
        raise UsageError("--device is required: latchkey login --device")
    found = None if issuer and client_id else connection()
    server = Server.discover(issuer or _issuer(found))
    client = client_id or _demo_client(found)
    output = Output.of(context)
    codes = server.ask(client, scope)
    _show_codes(codes, output)
    token = server.wait_for_token(client, codes)
    output.answer(token, human=lambda: _show_token(token, server.username(token), output))


def _issuer(found: Connection | None) -> str:
    if found is None or not found.issuer:
        raise UsageError("the issuer is unknown: give --issuer or set LATCHKEY_ISSUER")
    return found.issuer


def _demo_client(found: Connection | None) -> str:
    """The client_id that the development run registered for this command."""
    try:
        known = json.loads((Path(found.source if found else "").parent / "playground.json").read_text(encoding="utf-8"))
        return str(known["device"]["client_id"])
    except (OSError, ValueError, LookupError, TypeError):
        raise UsageError(
            "--client-id is missing: a client with --token-endpoint-auth-method none and "
            f"--grant-type {GRANT} (latchkey client create)"
        ) from None


@dataclass(frozen=True)
class Server:
    """What discovery says (RFC 8414, RFC 8628 4), and the calls that it makes possible."""

    token_endpoint: str
    device_authorization_endpoint: str
    userinfo_endpoint: str
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def discover(cls, issuer: str) -> "Server":
        """Raises CliError when it is not there, is another one, or does not let devices in."""
        metadata = _call(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if metadata.get("issuer") != issuer:
            raise CliError(f"{issuer} calls itself {metadata.get('issuer')}")
        token, device = (str(metadata.get(f"{name}_endpoint", "")) for name in ("token", "device_authorization"))
        if not token or not device:
            raise CliError(f"{issuer} does not let devices in: there is no device_authorization_endpoint")
        return cls(token, device, userinfo_endpoint=str(metadata.get("userinfo_endpoint", "")))

    def ask(self, client_id: str, scope: str) -> dict[str, Any]:
        """Codes (RFC 8628 3.2). Raises CliError."""
        answer = _call(self.device_authorization_endpoint, {"client_id": client_id, "scope": scope})
        _refuse(answer)
        if missing := [name for name in _REQUIRED if name not in answer]:
            raise CliError(f"{self.device_authorization_endpoint} does not say {', '.join(missing)}")
        return answer

    def wait_for_token(self, client_id: str, codes: dict[str, Any]) -> dict[str, Any]:
        """Polls until the user approves and returns the token response. Raises CliError when the user denies."""
        interval = float(codes.get("interval", _DEFAULT_INTERVAL))
        end = self.clock() + float(codes["expires_in"])
        form = {"grant_type": GRANT, "device_code": codes["device_code"], "client_id": client_id}
        while True:
            began = self.clock()
            # With latchkey_wait, Latchkey responds as soon as the user decides; other servers ignore the parameter.
            answer = self._try(form | {"latchkey_wait": str(int(interval))}, seconds=interval + _ANSWER_SECONDS)
            match answer.get("error"):
                case "authorization_pending":
                    pass
                case "slow_down":
                    interval += _SLOW_DOWN_SECONDS
                case "no_answer" | "temporarily_unavailable":
                    interval *= 2  # RFC 8628 3.5
                case _:
                    _refuse(answer)
                    return answer
            if self.clock() >= end:
                raise CliError("The user code expired before the user approved it.", code="expired_token")
            self.sleep(max(0.0, began + interval - self.clock()))

    def username(self, token: dict[str, Any]) -> str:
        """Name, email or subject of the user; empty when the scope releases none."""
        if "id_token" not in token or not self.userinfo_endpoint:
            return ""
        answer = _call(self.userinfo_endpoint, bearer=token["access_token"])
        return str(answer.get("name") or answer.get("email") or answer.get("sub") or "")

    def _try(self, form: dict[str, str], *, seconds: float) -> dict[str, Any]:
        try:
            return _call(self.token_endpoint, form, seconds=seconds)
        except CliError as error:
            if error.code != "unreachable":
                raise
            return {"error": "no_answer"}


def _show_codes(codes: dict[str, Any], output: Output) -> None:
    say = output.warn if output.json else output.line
    say("On any device with a browser, open\n")
    say(f"    {_plain(codes, 'verification_uri')}\n")
    say("and enter the code\n")
    say(f"    {_plain(codes, 'user_code')}\n")
    if codes.get("verification_uri_complete"):
        complete = _plain(codes, "verification_uri_complete")
        if sys.stderr.isatty():
            segno.make(complete, error="l").terminal(out=sys.stderr, compact=True)
        say(f"or open  {complete}\n")
    say(f"Waiting for up to {round(float(codes['expires_in']) / 60)} minutes. Press Ctrl-C to stop.")


def _show_token(token: dict[str, Any], who: str, output: Output) -> None:
    output.line(f"\nSigned in as {printable(who)}\n" if who else "\nSigned in\n")
    names = ("scope", "token_type", "expires_in", "access_token", "refresh_token", "id_token")
    output.members({name: _plain(token, name) for name in names if name in token})


def _plain(answer: dict[str, Any], name: str) -> str:
    """A member of a response, without terminal control characters."""
    return printable(str(answer.get(name, "")))


def _refuse(answer: dict[str, Any]) -> None:
    """Raises CliError when the response is an error (RFC 6749 section 5.2)."""
    if "error" in answer:
        error = _plain(answer, "error")
        raise CliError(_plain(answer, "error_description") or error, code=error)


def _call(
    url: str, form: dict[str, str] | None = None, *, bearer: str = "", seconds: float = _ANSWER_SECONDS
) -> dict[str, Any]:
    """Sends a request and returns the JSON response, error responses included.

    Raises:
        CliError: code "unreachable" when the server does not respond; another code for an invalid response.
    """
    parts = urlsplit(url)
    local = parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise CliError(f"{printable(url)} is not an https URL")
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    data = urlencode(form).encode() if form is not None else None
    opener = build_opener(ProxyHandler({})) if local else build_opener()
    try:
        with opener.open(Request(url, data=data, headers=headers), timeout=seconds) as response:  # noqa: S310 - see above
            body = response.read(_MAX_BYTES)
    except HTTPError as error:
        body = error.read(_MAX_BYTES)
    except OSError as error:
        reason = getattr(error, "reason", error)  # URLError wraps the cause
        raise CliError(
            f"{url} does not respond: {getattr(reason, 'strerror', None) or reason}", code="unreachable"
        ) from None
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise CliError(f"{url} is not an OAuth 2.0 endpoint: it did not return a JSON object")
    return answer
