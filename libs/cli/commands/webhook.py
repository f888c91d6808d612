"""latchkey webhook: where events go as signed HTTP requests."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from libs.cli import webhooks
from libs.cli.admin import connection, run
from libs.cli.app import App
from libs.cli.commands.given import since_of
from libs.cli.durations import parse_duration
from libs.cli.errors import UsageError
from libs.cli.output import Output, text

app = App(help="Where events go as signed HTTP requests.")
_Id = Annotated[str, typer.Argument(metavar="WEBHOOK_ID", show_default=False, help="As `list` shows it.")]
_SECRET_ONCE = "The secret is shown this once: keep it where the receiver finds it.\n"


@app.answering("create")
def create(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", show_default=False, help="Where to: https.")],
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", metavar="FILTER", show_default=False, help="login.>, session.ended, ...: repeatable."),
    ] = None,
    description: Annotated[str, typer.Option(metavar="TEXT", help="For people.")] = "",
) -> None:
    """Have events sent to a URL, signed after Standard Webhooks."""
    made, secret = run(webhooks.create(connection(), url=url, filters=filters or [">"], description=description))
    told = {**webhooks.as_json(made), "secret": secret}
    output = Output.of(context)

    def human() -> None:
        output.line(_SECRET_ONCE)
        output.members(_shown({name: told[name] for name in ("webhook_id", "url", "filters", "secret")}))
        output.line(
            f"\nNext:\n  latchkey webhook test {made.webhook_id}\n  latchkey webhook deliveries {made.webhook_id}"
        )

    output.answer(told, human=human)


@app.answering("list")
def list_all(context: typer.Context) -> None:
    """All webhooks, oldest first."""
    found = [webhooks.as_json(each) for each in run(webhooks.every(connection()))]
    output = Output.of(context)
    rows = ((each["webhook_id"], each["url"], text(each["filters"]), _health(each)) for each in found)
    columns = ("WEBHOOK ID", "URL", "FILTERS", "STATE")
    output.answer(found, human=lambda: output.table(columns, rows, empty="No webhooks.", whole={0}))


@app.answering("show")
def show(context: typer.Context, webhook_id: _Id) -> None:
    """How one is doing."""
    told = webhooks.as_json(run(webhooks.one(connection(), webhook_id)))
    output = Output.of(context)
    output.answer(told, human=lambda: output.members(_shown(told)))


@app.answering("rotate-secret")
def rotate_secret(
    context: typer.Context,
    webhook_id: _Id,
    overlap: Annotated[
        str, typer.Option(metavar="TIME", help="How long the old one signs as well: 0s, 10m, 2h, at most 30d.")
    ] = "24h",
) -> None:
    """Make a new secret. Until the overlap ends, each request has the signatures of both."""
    life = timedelta() if overlap in {"0", "0s"} else parse_duration(overlap)
    if life is None:
        raise UsageError(f"--overlap {overlap}: 0s, 90s, 10m, 2h, 3d")
    secret = run(webhooks.rotate_secret(connection(), webhook_id, life))
    output = Output.of(context)

    def human() -> None:
        output.line(_SECRET_ONCE)
        output.members({"webhook_id": webhook_id, "secret": secret})

    output.answer({"webhook_id": webhook_id, "secret": secret}, human=human)


@app.answering("enable")
def enable(context: typer.Context, webhook_id: _Id) -> None:
    """Send again: what waited goes out at once."""
    run(webhooks.switch(connection(), webhook_id, on=True))
    _said(context, webhook_id, "enabled", f"{webhook_id} gets events.")


@app.answering("disable")
def disable(context: typer.Context, webhook_id: _Id) -> None:
    """Send nothing until it is enabled. What happens meanwhile waits, for a day."""
    run(webhooks.switch(connection(), webhook_id, on=False))
    _said(context, webhook_id, "disabled", f"{webhook_id} gets nothing.")


@app.answering("delete")
def delete(context: typer.Context, webhook_id: _Id) -> None:
    """Remove one, with its secret and its log."""
    run(webhooks.delete(connection(), webhook_id))
    _said(context, webhook_id, "deleted", f"{webhook_id} is gone.")


@app.answering("deliveries")
def deliveries(
    context: typer.Context,
    webhook_id: _Id,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", show_default=False, help="pending, delivered or given_up.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 50,
) -> None:
    """What was sent, what came of it, and what waits; the latest first."""
    if state not in {None, "pending", "delivered", "given_up"}:
        raise UsageError(f"--state {state}: pending, delivered or given_up")
    found = run(webhooks.deliveries(connection(), webhook_id, state=state, limit=limit))
    told = [webhooks.delivery_as_json(each) for each in found]
    output = Output.of(context)
    columns = ("QUEUED", "EVENT", "EVENT ID", "STATE", "ATTEMPTS", "LAST ANSWER")
    rows = (_row(each) for each in told)
    output.answer(told, human=lambda: output.table(columns, rows, empty="No deliveries.", whole={2}))


@app.answering("redeliver")
def redeliver(
    context: typer.Context,
    webhook_id: _Id,
    event_id: Annotated[str, typer.Option("--event", metavar="EVENT_ID", help="This one event.")] = "",
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", show_default=False, help="What was queued since: 2h, a time (ISO 8601)."),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="WHEN", show_default=False, help="And until.")] = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="What was delivered as well, not only what was given up.")
    ] = False,
) -> None:
    """Send again, with the same ids: one event, or those of a time."""
    if bool(event_id) == bool(since):
        raise UsageError("say --event EVENT_ID, or --since WHEN")
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
    told = {"webhook_id": webhook_id, "queued": queued}
    output.answer(told, human=lambda: output.line(f"{queued} on their way to {webhook_id}."))


@app.answering("test")
def test(context: typer.Context, webhook_id: _Id) -> None:
    """Send an event that did not happen, marked as one (`test`)."""
    event_id = run(webhooks.test(connection(), webhook_id))
    output = Output.of(context)
    told = {"webhook_id": webhook_id, "event_id": event_id}
    output.answer(
        told, human=lambda: output.line(f"{event_id} is on its way: latchkey webhook deliveries {webhook_id}")
    )


def _said(context: typer.Context, webhook_id: str, done: str, sentence: str) -> None:
    output = Output.of(context)
    output.answer({"webhook_id": webhook_id, done: True}, human=lambda: output.line(sentence))


def _moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    since = since_of(value)
    if since == "beginning":
        return datetime.fromtimestamp(0, UTC)
    return datetime.now(UTC) - since if isinstance(since, timedelta) else since


def _shown(told: dict[str, Any]) -> dict[str, str]:
    return {name: text(value) for name, value in told.items() if value not in (None, "")}


def _health(told: dict[str, Any]) -> str:
    if not told["enabled"]:
        return f"disabled: {told['disabled_reason']}"
    return f"failing since {told['failing_since']}" if told["failing_since"] else "enabled"


def _row(told: dict[str, Any]) -> tuple[str, ...]:
    last = next(iter(told["latest_attempts"]), None)
    answer = ""
    if last:
        answer = f"{last['status'] or last['error']} in {last['milliseconds']} ms {last['excerpt']}".strip()
    return told["queued_at"], told["event"], told["event_id"], told["state"], str(told["attempts"]), answer[:80]
