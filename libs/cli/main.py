"""The command `latchkey`.

Exit codes: 0 success; 1 error, or `status` found a part that is not ready; 2 invalid arguments or options.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version as version_of
from typing import Annotated

import typer

from libs.cli.app import App, Json, LazyGroup
from libs.cli.errors import CliError
from libs.cli.output import Output
from libs.oauth.errors import OAuthError


class _Commands(LazyGroup):
    modules = {  # noqa: RUF012 - a table, never changed
        "client": (
            "libs.cli.commands.client",
            "Manage clients: the applications that request tokens.",
        ),
        "flow": ("libs.cli.commands.flow", "Choose the OAuth 2.0 flow for an application."),
        "user": ("libs.cli.commands.user", "Manage users."),
        "key": ("libs.cli.commands.key", "Manage signing keys. They rotate automatically."),
        "login": ("libs.cli.commands.login", "Sign a user in and show the tokens."),
        "events": ("libs.cli.commands.events", "Read events and inspect consumers."),
        "subscriber": ("libs.cli.commands.subscriber", "Manage event subscribers."),
        "webhook": ("libs.cli.commands.webhook", "Manage webhooks: events sent as signed HTTP requests."),
        "stream-ticket": ("libs.cli.commands.stream_ticket", "Manage tickets for the event stream for browsers."),
        "status": ("libs.cli.commands.status", "Show the state of services, databases, NATS and keys."),
        "version": ("libs.cli.commands.version", "Show the version."),
    }


app = App(group=_Commands)


def _show_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it
    if asked:
        typer.echo(f"latchkey {version_of('latchkey')}")
        raise typer.Exit


@app.callback()
def latchkey(
    context: typer.Context,
    *,
    answer_in_json: Json = False,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Operate a Latchkey authorization server.

    It connects to the server of `make run` on this machine, or to the server that LATCHKEY_* variables name.
    """
    Output.of(context).json = answer_in_json


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code. Errors are printed as one line on stderr."""
    output = Output()
    command = typer.main.get_command(app)
    try:
        return command.main(list(arguments), prog_name="latchkey", standalone_mode=False, obj=output) or 0
    except Exception as error:  # noqa: BLE001 - users get one line, not a stack trace
        if os.environ.get("LATCHKEY_LOG_LEVEL", "").lower() == "debug":
            traceback.print_exception(error)
        # After a usage error, --json may not have been parsed yet.
        output.json = output.json or "--json" in arguments
        code, description, exit_code = _explained(error)
        output.error(code, description)
        return exit_code


def _explained(error: Exception) -> tuple[str, str, int]:
    """Returns error code, description and exit code."""
    match error:
        case CliError():
            return error.code, error.message, error.exit_code
        case OAuthError():
            return error.error, error.description, 1
        case typer.TyperException():
            context = getattr(error, "ctx", None)
            advice = f" (see {context.command_path} -h)" if context else ""
            return "usage", error.format_message().rstrip(".") + advice, error.exit_code
        case typer.Abort():
            return "aborted", "Aborted.", 1
        case _:
            return "internal", f"{type(error).__name__}: {error} (for the stack trace set LATCHKEY_LOG_LEVEL=debug)", 1
