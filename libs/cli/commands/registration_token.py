"""latchkey client registration-token: manage initial access tokens (RFC 7591)."""

import shlex
from typing import Annotated

import typer

from libs.cli import registration_tokens
from libs.cli.admin import connection, run, when
from libs.cli.app import App
from libs.cli.connection import Connection
from libs.cli.durations import parse_duration
from libs.cli.errors import UsageError
from libs.cli.output import Output, moment

app = App(help="Manage initial access tokens for dynamic client registration (RFC 7591).")


@app.answering("create")
def create(
    context: typer.Context,
    uses: Annotated[
        int, typer.Option(min=1, max=100_000, help="Number of clients that can be registered with the token.")
    ] = 1,
    expires: Annotated[str, typer.Option(metavar="TIME", help="Lifetime of the token: 90s, 10m, 2h, 3d.")] = "1h",
) -> None:
    """Create an initial access token. It is shown only once."""
    life = parse_duration(expires)
    if not life:
        raise UsageError(f"--expires {expires} is invalid: use 90s, 10m, 2h or 3d")
    found = connection()
    record, token = run(registration_tokens.create(found, uses, life))
    members = registration_tokens.as_json(record)
    answer = {"token_id": members["token_id"], "initial_access_token": token, **members}
    output = Output.of(context)

    def human() -> None:
        output.line("The token is shown only once: store it now.\n")
        shown = {"token_id": record.token_id, "initial_access_token": token, "uses": str(record.uses_left)}
        output.members({**shown, "expires": moment(when(record.expires_at))})
        output.line(f"\nNext:\n  {_next_step(found, token)}")

    output.answer(answer, human=human)


@app.answering("list")
def list_all(context: typer.Context) -> None:
    """List valid tokens by their IDs, latest first. The tokens themselves are not shown."""
    found = run(registration_tokens.every(connection()))
    output = Output.of(context)
    rows = ((each.token_id, str(each.uses_left), moment(when(each.expires_at))) for each in found)
    output.answer(
        [registration_tokens.as_json(each) for each in found],
        human=lambda: output.table(("TOKEN ID", "USES LEFT", "EXPIRES"), rows, empty="No tokens.", whole={0}),
    )


@app.answering("revoke")
def revoke(
    context: typer.Context,
    token_id: Annotated[
        str,
        typer.Argument(
            metavar="TOKEN_ID", show_default=False, help="ID from `latchkey client registration-token list`."
        ),
    ],
) -> None:
    """Revoke a token. Clients that were registered with it stay registered."""
    run(registration_tokens.revoke(connection(), token_id))
    output = Output.of(context)
    output.answer({"token_id": token_id, "revoked": True}, human=lambda: output.line(f"Token {token_id} revoked."))


def _next_step(found: Connection, token: str) -> str:
    """A curl command that registers a client with the token."""
    headers = ["--header", f"Authorization: Bearer {token}", "--header", "Content-Type: application/json"]
    body = '{"client_name": "My application", "redirect_uris": ["https://app.example/callback"]}'
    return shlex.join(["curl", *headers, "--data", body, f"{found.client_edge}/register"])
