"""Output of commands: tables or JSON on stdout, errors as one line on stderr."""

import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import typer

_CLI_CODES = frozenset({"usage", "failed", "aborted", "internal", "unreachable", "access_refused", "not_found"})
"""Codes of the command line itself. Codes of the standards are printed before the description."""
_PLAIN_WIDTH = 200
_READABLE_WIDTH = 100
READY, NOT_READY = "ready", "NOT READY"
_STYLES = {READY: "green", NOT_READY: "bold red"}


@dataclass
class Output:
    """The output of one call. `json` is true when --json was given."""

    json: bool = False

    @classmethod
    def of(cls, context: typer.Context) -> "Output":
        """The instance that `main` passed to the command."""
        found = context.find_object(cls)
        if found is None:
            raise RuntimeError("main passes an Output to every command")
        return found

    def answer(self, value: Any, *, human: Callable[[], None]) -> None:
        """Prints the result of a command: the value as JSON, or the output of `human`."""
        if self.json:
            self.line(json.dumps(value, indent=2, ensure_ascii=False))
        else:
            human()

    def json_line(self, value: Any) -> None:
        self.line(json.dumps(value, separators=(",", ":"), ensure_ascii=False))

    def line(self, text: str = "") -> None:
        typer.echo(text)

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str = "", whole: Collection[int] = ()
    ) -> None:
        """Prints a table, or `empty` when there are no rows. Columns in `whole` are not wrapped."""
        from rich.console import Console  # noqa: PLC0415 - its import takes 0.1 s, and JSON does not need it
        from rich.table import Table  # noqa: PLC0415

        table = Table(box=None, pad_edge=False, header_style="bold")
        for position, column in enumerate(columns):
            table.add_column(column, overflow="fold", no_wrap=position in whole)
        for row in rows:
            table.add_row(*map(_literal, row))
        if table.row_count == 0:
            self.line(empty)
            return
        console = Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH, highlight=False)
        with console.capture() as drawn:
            console.print(table)
        for line in drawn.get().splitlines():
            self.line(line.rstrip())

    def members(self, members: Mapping[str, str]) -> None:
        """Prints names and values, one per line and never wrapped, so that they can be copied."""
        width = max(map(len, members), default=0)
        for name, value in members.items():
            self.line(f"  {name:<{width}}  {value}")

    def paragraph(self, text: str) -> None:
        """Prints text wrapped to the width of the terminal, and an empty line."""
        width = min(shutil.get_terminal_size().columns, _READABLE_WIDTH)
        self.line(textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False) + "\n")

    def warn(self, message: str) -> None:
        typer.echo(message, err=True)

    def error(self, code: str, description: str) -> None:
        """Prints an error as one line, or as JSON."""
        if self.json:
            typer.echo(json.dumps({"error": code, "error_description": description}, ensure_ascii=False), err=True)
        else:
            prefix = "" if code in _CLI_CODES else f"{code}: "
            typer.secho("Error: ", err=True, fg="red", bold=True, nl=False)
            typer.echo(prefix + description, err=True)


def moment(value: datetime) -> str:
    """Local time to the second, for tables."""
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def text(value: Any) -> str:
    """A JSON value as text, without terminal control characters."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return " ".join(text(item) for item in value)
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return printable(str(value))


def printable(value: str) -> str:
    return "".join(character for character in value if character.isprintable())


def _literal(cell: str) -> Any:
    """A table cell without markup."""
    from rich.text import Text  # noqa: PLC0415

    return Text(printable(cell), style=_STYLES.get(cell, ""))
