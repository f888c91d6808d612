"""latchkey status: the state of services, databases, NATS and keys."""

from typing import Any

import typer

from libs.cli.admin import connection, run
from libs.cli.app import App
from libs.cli.health import examine
from libs.cli.output import NOT_READY, READY, Output

app = App()


@app.answering("status")
def status(context: typer.Context) -> None:
    """Show the state of services, databases, NATS and keys. Exit code 1 when a part is not ready."""
    report = run(examine(connection()))
    output = Output.of(context)
    output.answer(report, human=lambda: _show(output, report))
    if not report["ready"]:
        raise typer.Exit(1)


def _show(output: Output, report: dict[str, Any]) -> None:
    output.line(f"{report['issuer'] or 'Latchkey'}  (from {report['source']})\n")
    services = [(name, _word(each), each["detail"]) for name, each in report["services"].items()]
    output.table(("SERVICE", "", ""), services)
    output.line()
    databases = [(name, _word(each), each["detail"]) for name, each in report["databases"].items()]
    output.table(("DATABASE", "", ""), databases, empty="Databases: unknown")
    output.line()
    nats = report["nats"]
    output.table(("NATS", "", ""), [(nats["url"] or "-", _word(nats), nats["detail"])])
    output.line()
    keys = [(key["alg"], key["state"], key["kid"], key["detail"]) for key in report["keys"]["keys"]]
    output.table(("KEY", "", "", ""), keys, empty=f"Keys: {report['keys']['detail']}", whole={2})
    output.line()
    output.line("All parts are ready." if report["ready"] else "Not all parts are ready.")


def _word(each: dict[str, Any]) -> str:
    return READY if each["ready"] else NOT_READY
