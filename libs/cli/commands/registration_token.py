"""latchkey client registration-token: who may register clients by themselves (RFC 7591)."""

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

app = App(help="Initial access tokens: whoever has one may register clients by itself (RFC 7591).")


@app.answering("create")
def create(
    context: typer.Context,
    uses: Annotated[int, typer.Option(min=1, max=100_000, help="How many clients it may register.")] = 1,
    expires: Annotated[str, typer.Option(metavar="TIME", help="When it ends by itself: 90s, 10m, 2h, 3d.")] = "1h",
) -> None:
    """Make a token for somebody who is to register clients. It is told once, now."""
    life = parse_duration(expires)
    if not life:
        raise UsageError(f"--expires {expires}: 90s, 10m, 2h, 3d")
    found = connection()
    record, token = run(registration_tokens.create(found, uses, life))
    told = registration_tokens.as_json(record)
    answer = {"token_id": told["token_id"], "initial_access_token": token, **told}
    output = Output.of(context)

    def human() -> None:
        output.line("The token is shown this once: keep it now.\n")
        shown = {"token_id": record.token_id, "initial_access_token": token, "uses": str(record.uses_left)}
        output.members({**shown, "expires": moment(when(record.expires_at))})
        output.line(f"\nNext:\n  {_next_step(found, token)}")

    output.answer(answer, human=human)


@app.answering("list")
def list_all(context: typer.Context) -> None:
    """Tokens that can still be used, the latest first; not what they are, which nobody can tell again."""
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
    token_id: Annotated[str, typer.Argument(metavar="TOKEN_ID", show_default=False, help="As `list` shows it.")],
) -> None:
    """Take a token back. The clients that it has registered stay."""
    run(registration_tokens.revoke(connection(), token_id))
    output = Output.of(context)
    output.answer(
        {"token_id": token_id, "revoked": True}, human=lambda: output.line(f"Token {token_id} registers nothing more.")
    )


def _next_step(found: Connection, token: str) -> str:
    """A registration to copy into a terminal."""
    headers = ["--header", f"Authorization: Bearer {token}", "--header", "Content-Type: application/json"]
    body = '{"client_name": "My application", "redirect_uris": ["https://app.example/callback"]}'
    return shlex.join(["curl", *headers, "--data", body, f"{found.client_edge}/register"])
