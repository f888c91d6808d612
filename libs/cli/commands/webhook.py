"""latchkey webhook: manage webhooks."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from libs.cli import webhooks
from libs.cli.admin import connection, run
from libs.cli.app import App
from libs.cli.commands.given import Yes, confirm, since_of
from libs.cli.durations import parse_duration
from libs.cli.errors import UsageError
from libs.cli.output import Output, text

app = App(help="Manage webhooks: events sent as signed HTTP requests.")
_Id = Annotated[str, typer.Argument(metavar="WEBHOOK_ID", show_default=False, help="ID from `latchkey webhook list`.")]
_SECRET_ONCE = "The secret is shown only once: store it in the receiver's configuration.\n"


@app.answering("create")
def create(
    context: typer.Context,
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL", show_default=False, help="https URL of the receiver, for example https://app.example/hook."
        ),
    ],
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="FILTER",
            show_default=False,
            help="Event filter, for example login.> or session.ended. Repeatable.",
        ),
    ] = None,
    description: Annotated[str, typer.Option(metavar="TEXT", help="Free text, shown in lists.")] = "",
) -> None:
    """Create a webhook: events are sent to a URL, signed according to Standard Webhooks."""
    made, secret = run(webhooks.create(connection(), url=url, filters=filters or [">"], description=description))
    members = {**webhooks.as_json(made), "secret": secret}
    output = Output.of(context)

    def human() -> None:
        output.line(_SECRET_ONCE)
        output.members(_shown({name: members[name] for name in ("webhook_id", "url", "filters", "secret")}))
        output.line(
            f"\nNext:\n  latchkey webhook test {made.webhook_id}\n  latchkey webhook deliveries {made.webhook_id}"
        )

    output.answer(members, human=human)


@app.answering("list")
def list_all(context: typer.Context) -> None:
    """List all webhooks, oldest first."""
    found = [webhooks.as_json(each) for each in run(webhooks.every(connection()))]
    output = Output.of(context)
    rows = ((each["webhook_id"], each["url"], text(each["filters"]), _health(each)) for each in found)
    columns = ("WEBHOOK ID", "URL", "FILTERS", "STATE")
    output.answer(found, human=lambda: output.table(columns, rows, empty="No webhooks.", whole={0}))


@app.answering("show")
def show(context: typer.Context, webhook_id: _Id) -> None:
    """Show a webhook with its state."""
    members = webhooks.as_json(run(webhooks.one(connection(), webhook_id)))
    output = Output.of(context)
    output.answer(members, human=lambda: output.members(_shown(members)))


@app.answering("rotate-secret")
def rotate_secret(
    context: typer.Context,
    webhook_id: _Id,
    overlap: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="How long requests are signed with the old secret too: 0s, 10m, 2h, at most 30d."
        ),
    ] = "24h",
) -> None:
    """Replace the secret of a webhook. Until the overlap ends, requests carry signatures of both secrets."""
    life = timedelta() if overlap in {"0", "0s"} else parse_duration(overlap)
    if life is None:
        raise UsageError(f"--overlap {overlap} is invalid: use 0s, 90s, 10m, 2h or 3d")
    secret = run(webhooks.rotate_secret(connection(), webhook_id, life))
    output = Output.of(context)

    def human() -> None:
        output.line(_SECRET_ONCE)
        output.members({"webhook_id": webhook_id, "secret": secret})

    output.answer({"webhook_id": webhook_id, "secret": secret}, human=human)


@app.answering("enable")
def enable(context: typer.Context, webhook_id: _Id) -> None:
    """Enable a webhook. Queued events are sent at once."""
    run(webhooks.switch(connection(), webhook_id, on=True))
    _answer(context, webhook_id, "enabled", f"Webhook {webhook_id} enabled.")


@app.answering("disable")
def disable(context: typer.Context, webhook_id: _Id) -> None:
    """Disable a webhook. New events stay queued for one day."""
    run(webhooks.switch(connection(), webhook_id, on=False))
    _answer(context, webhook_id, "disabled", f"Webhook {webhook_id} disabled.")


@app.answering("delete")
def delete(
    context: typer.Context,
    webhook_id: _Id,
    yes: Yes = False,  # noqa: FBT002 - a flag
) -> None:
    """Delete a webhook with its secret and its deliveries."""
    confirm(f"Delete webhook {webhook_id} with its secret and its deliveries?", yes=yes)
    run(webhooks.delete(connection(), webhook_id))
    _answer(context, webhook_id, "deleted", f"Webhook {webhook_id} deleted.")


@app.answering("deliveries")
def deliveries(
    context: typer.Context,
    webhook_id: _Id,
    state: Annotated[
        str | None,
        typer.Option(metavar="STATE", show_default=False, help="Delivery state: pending, delivered or given_up."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Maximum number of deliveries.")] = 50,
) -> None:
    """List deliveries of a webhook with their last response, latest first."""
    if state not in {None, "pending", "delivered", "given_up"}:
        raise UsageError(f"--state {state} is invalid: use pending, delivered or given_up")
    found = run(webhooks.deliveries(connection(), webhook_id, state=state, limit=limit))
    members = [webhooks.delivery_as_json(each) for each in found]
    output = Output.of(context)
    columns = ("QUEUED", "EVENT", "EVENT ID", "STATE", "ATTEMPTS", "LAST RESPONSE")
    rows = (_row(each) for each in members)
    output.answer(members, human=lambda: output.table(columns, rows, empty="No deliveries.", whole={2}))


@app.answering("redeliver")
def redeliver(
    context: typer.Context,
    webhook_id: _Id,
    event_id: Annotated[str, typer.Option("--event", metavar="EVENT_ID", help="ID of one event.")] = "",
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", show_default=False, help="Events queued since: 2h, or a time (ISO 8601)."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="WHEN", show_default=False, help="Events queued until: 1h, or a time (ISO 8601)."),
    ] = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Include delivered events; without it, only those given up.")
    ] = False,
) -> None:
    """Send events again, with the same IDs: one event, or all of a period."""
    if bool(event_id) == bool(since):
        raise UsageError("give either --event EVENT_ID or --since WHEN")
    queued = run(
        webhooks.redeliver(
            connection(),
            webhook_id,
            event_id=event_id,
            since=_moment(since),
            until=_moment(until),
            all_too=everything,
        )
    )
    output = Output.of(context)
    members = {"webhook_id": webhook_id, "queued": queued}
    output.answer(members, human=lambda: output.line(f"{queued} deliveries queued for {webhook_id}."))


@app.answering("test")
def test(context: typer.Context, webhook_id: _Id) -> None:
    """Send a test event, marked with `test`: true."""
    event_id = run(webhooks.test(connection(), webhook_id))
    output = Output.of(context)
    members = {"webhook_id": webhook_id, "event_id": event_id}
    output.answer(
        members,
        human=lambda: output.line(
            f"Test event {event_id} queued. To see its state: latchkey webhook deliveries {webhook_id}"
        ),
    )


def _answer(context: typer.Context, webhook_id: str, done: str, sentence: str) -> None:
    output = Output.of(context)
    output.answer({"webhook_id": webhook_id, done: True}, human=lambda: output.line(sentence))


def _moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    since = since_of(value)
    if since == "beginning":
        return datetime.fromtimestamp(0, UTC)
    return datetime.now(UTC) - since if isinstance(since, timedelta) else since


def _shown(members: dict[str, Any]) -> dict[str, str]:
    return {name: text(value) for name, value in members.items() if value not in (None, "")}


def _health(members: dict[str, Any]) -> str:
    if not members["enabled"]:
        return f"disabled: {members['disabled_reason']}"
    return f"failing since {members['failing_since']}" if members["failing_since"] else "enabled"


def _row(members: dict[str, Any]) -> tuple[str, ...]:
    last = next(iter(members["latest_attempts"]), None)
    answer = ""
    if last:
        answer = f"{last['status'] or last['error']} in {last['milliseconds']} ms {last['excerpt']}".strip()
    return (
        members["queued_at"],
        members["event"],
        members["event_id"],
        members["state"],
        str(members["attempts"]),
        answer[:80],
    )
