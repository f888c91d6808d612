"""latchkey subscriber: manage event subscribers."""

from pathlib import Path
from typing import Annotated

import typer

from latchkey_sdk import Since
from libs.cli import subscribers
from libs.cli.admin import connection, run
from libs.cli.app import App
from libs.cli.bus import operating
from libs.cli.commands.given import Yes, confirm, since_of
from libs.cli.connection import Connection
from libs.cli.output import Output
from libs.cli.subscribers import Subscriber

app = App(help="Manage event subscribers.")


@app.answering("create")
def create(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the subscriber, for example crm.")
    ] = "subscriber",
    pattern: Annotated[
        str,
        typer.Option(
            "--filter", metavar="FILTER", help="Event filter, for example login.>, session.ended or *.revoked."
        ),
    ] = ">",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            show_default=False,
            help="First event: a duration ago (90s, 10m, 2h, 3d), a time (ISO 8601), or beginning. Default: now.",
        ),
    ] = None,
    folder: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder that the credentials file is written to.")
    ] = Path(),
) -> None:
    """Create a subscriber: a durable consumer, and a NATS user that can read only its events."""
    subscribers.check(name, pattern)
    found = connection()
    made = run(_create(found, name, pattern, since_of(since) if since else None, folder.absolute()))
    output = Output.of(context)
    output.answer(subscribers.as_json(made, found), human=lambda: _show(output, made, found))


@app.answering("delete")
def delete(
    context: typer.Context,
    consumer: Annotated[str, typer.Argument(metavar="CONSUMER", help="Consumer, as `create` printed it.")],
    yes: Yes = False,  # noqa: FBT002 - a flag
) -> None:
    """Delete a subscriber. Its credentials become useless."""
    confirm(f"Delete subscriber {consumer}? Events that it has not read are lost for it", yes=yes)
    run(_delete(connection(), consumer))
    output = Output.of(context)
    output.answer({"consumer": consumer, "deleted": True}, human=lambda: output.line(f"Subscriber {consumer} deleted."))


async def _create(found: Connection, name: str, pattern: str, since: Since, folder: Path) -> Subscriber:
    key = subscribers.key_of(found)
    async with operating(found) as jetstream:
        return await subscribers.create(jetstream, key, name=name, pattern=pattern, since=since, folder=folder)


async def _delete(found: Connection, consumer: str) -> None:
    async with operating(found) as jetstream:
        await subscribers.delete(jetstream, consumer)


def _show(output: Output, made: Subscriber, found: Connection) -> None:
    output.line("Subscriber created\n")
    members = subscribers.as_json(made, found)
    output.members({name: " ".join(value) if isinstance(value, list) else value for name, value in members.items()})
    output.line(
        f"\nExample program with the SDK (to install it: libs/sdk/README.md):\n\n{subscribers.program(made, found)}"
    )
