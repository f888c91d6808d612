"""The command `latchkey`.

Exit codes: 0 done; 1 it did not work, or `status` found something that is not ready; 2 the command line makes no sense.
"""

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from libs.cli.app import App, Json, LazyGroup
from libs.cli.errors import CliError
from libs.cli.output import Output
from libs.oauth.errors import OAuthError


class _Commands(LazyGroup):
    modules = {  # noqa: RUF012 - a table, never changed
        "client": (
            "libs.cli.commands.client",
            "Applications that ask for tokens.",
        ),
        "flow": ("libs.cli.commands.flow", "Which flow an application should use."),
        "user": ("libs.cli.commands.user", "People."),
        "key": ("libs.cli.commands.key", "The keys that tokens are signed with."),
        "login": ("libs.cli.commands.login", "Tokens for a person, as an application gets them."),
        "events": ("libs.cli.commands.events", "What happens, as subscribers see it."),
        "subscriber": ("libs.cli.commands.subscriber", "Who outside may read events."),
        "webhook": ("libs.cli.commands.webhook", "Where events go as signed HTTP requests."),
        "stream-ticket": ("libs.cli.commands.stream_ticket", "Who may read events as a stream for browsers."),
        "status": ("libs.cli.commands.status", "How services, NATS, databases and keys are doing."),
        "version": ("libs.cli.commands.version", "The version of this program."),
    }


app = App(group=_Commands)


@app.callback()
def latchkey(context: typer.Context, *, answer_in_json: Json = False) -> None:
    """Operate a Latchkey authorization server.

    It finds the run on this machine by itself (make run), and any other by LATCHKEY_* variables.
    """
    Output.of(context).json = answer_in_json


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Runs one command; returns its exit code. Whatever goes wrong becomes one line on stderr."""
    output = Output()
    command = typer.main.get_command(app)
    try:
        return command.main(list(arguments), prog_name="latchkey", standalone_mode=False, obj=output) or 0
    except Exception as error:  # noqa: BLE001 - a person at a terminal is not helped by a stack trace
        if os.environ.get("LATCHKEY_LOG_LEVEL", "").lower() == "debug":
            traceback.print_exception(error)
        # A command line that makes no sense may not have been read up to its --json.
        output.json = output.json or "--json" in arguments
        code, description, exit_code = _explained(error)
        output.error(code, description)
        return exit_code


def _explained(error: Exception) -> tuple[str, str, int]:
    """Error code, sentence, exit code."""
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
            return "internal", f"{type(error).__name__}: {error} (LATCHKEY_LOG_LEVEL=debug shows where)", 1
