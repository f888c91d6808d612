"""Values that can be given as an argument or as an option: `client show ID` and `client show --client-id ID`."""

import sys
from datetime import datetime, timedelta
from typing import Annotated, Literal

import typer

from libs.cli.durations import parse_duration
from libs.cli.errors import UsageError

ClientId = Annotated[
    str | None, typer.Argument(metavar="CLIENT_ID", show_default=False, help="client_id of the client.")
]
ClientIdOption = Annotated[
    str | None, typer.Option("--client-id", metavar="TEXT", help="Same as the argument.", show_default=False)
]
Username = Annotated[
    str | None, typer.Argument(metavar="USERNAME", show_default=False, help="Username of the user, for example alice.")
]
Who = Annotated[
    str | None,
    typer.Argument(
        metavar="WHO", show_default=False, help="Username, verified email address or user id, for example alice."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation; required without a terminal.")]
UsernameOption = Annotated[
    str | None, typer.Option("--username", metavar="TEXT", help="Same as the argument.", show_default=False)
]


def the_one(argument: str | None, option: str | None, name: str) -> str:
    """The value of the argument or of the option.

    Raises:
        UsageError: neither was given, or both with different values.
    """
    if argument and option and argument != option:
        raise UsageError(f"{name} is given twice: {argument} and {option}")
    value = argument or option
    if not value:
        raise UsageError(f"{name} is missing")
    return value


def confirm(question: str, *, yes: bool) -> None:
    """Asks for confirmation of a command that destroys something.

    Raises:
        UsageError: --yes was not given and there is no terminal to ask at.
        Abort: the operator declined.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("this command needs a confirmation: give --yes, or run it in a terminal")
    typer.confirm(question, abort=True, err=True)


def since_of(value: str) -> datetime | timedelta | Literal["beginning"]:
    """Parses --since: a duration, a time (ISO 8601) or "beginning". Raises UsageError."""
    if value == "beginning":
        return "beginning"
    duration = parse_duration(value)
    if duration is not None:
        return duration
    try:
        return datetime.fromisoformat(value).astimezone()
    except ValueError:
        raise UsageError(
            f"--since {value} is invalid: use 90s, 10m, 2h, 3d, a time such as 2026-03-01T12:00Z, or beginning"
        ) from None
