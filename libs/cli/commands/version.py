"""latchkey version."""

import platform
from importlib.metadata import version as version_of

import typer

from libs.cli.app import App
from libs.cli.output import Output

app = App()


@app.answering("version")
def version(context: typer.Context) -> None:
    """Show the version."""
    output = Output.of(context)
    versions = {"version": version_of("latchkey"), "python": platform.python_version()}
    output.answer(versions, human=lambda: output.line("latchkey {version} (Python {python})".format(**versions)))
