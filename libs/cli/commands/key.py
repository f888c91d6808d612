"""latchkey key: what tokens are signed with. It turns by itself; this is for looking, and for emergencies."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from libs.cli import key_drill, keys
from libs.cli.admin import connection, run
from libs.cli.app import App
from libs.cli.errors import UsageError
from libs.cli.output import Output

app = App(help="The keys that tokens are signed with. They turn by themselves.")

_Kid = Annotated[str, typer.Argument(metavar="KID", help="The key, as `latchkey key list` names it.")]
_Alg = Annotated[str, typer.Option(metavar="ES256|RS256", show_default=False, help="One algorithm; without it, all.")]
_Reason = Annotated[
    str, typer.Option(metavar="|".join(keys.REASONS), show_default=False, help="Told to subscribers in key.revoked.")
]
_USE = ("client_id", "presented_as", "count", "last_at", "kid")
_COLUMNS = ("KID", "ALG", "STATE", "SINCE", "UNTIL")


@app.answering("list")
def list_all(context: typer.Context) -> None:
    """Every key that ever was, oldest first for each algorithm."""
    told = [keys.as_json(key) for key in run(keys.every(connection()))]
    output = Output.of(context)
    output.answer(told, human=lambda: output.table(_COLUMNS, map(_row, told), empty="No keys yet.", whole={0}))


@app.answering("rotate")
def rotate(context: typer.Context, alg: _Alg = "") -> None:
    """Let the next keys take over now, or as soon as every copy of the key set has them."""
    told = [keys.as_json(key) for key in run(keys.rotate(connection(), alg))]
    output = Output.of(context)
    output.answer(told, human=lambda: _show_turns(output, told))


@app.answering("revoke")
def revoke(
    context: typer.Context,
    kid: _Kid,
    reason: _Reason,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """End a key and all that it signed, at once: for a key that somebody else may have."""
    if reason not in keys.REASONS:
        raise UsageError(f"--reason is one of {', '.join(keys.REASONS)}")
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Revoke {kid}? Every token that it signed is refused from now on", abort=True, err=True)
    answer = run(keys.revoke(connection(), kid, reason))
    told: dict[str, Any] = {"kid": kid, "keys": [keys.as_json(key) for key in answer.keys]}
    if answer.HasField("exposed_until"):
        told["exposed_until"] = keys.moment(answer.exposed_until)
    output = Output.of(context)
    output.answer(told, human=lambda: _show_revoked(output, told))


@app.answering("rewrap")
def rewrap(context: typer.Context) -> None:
    """After a new key-encryption key: put what the older ones protect under it. Can be called again at any time."""
    done, remaining = run(keys.rewrap(connection()))
    output = Output.of(context)
    text = f"{done} keys are under the new key-encryption key." + (
        f" {remaining} are left: again." if remaining else ""
    )
    output.answer({"rewrapped": done, "remaining": remaining}, human=lambda: output.line(text))


@app.answering("clients")
def clients(context: typer.Context) -> None:
    """Clients whose tokens still come to us though their key signs no more, within the last 30 days."""
    told = [keys.use_as_json(use) for use in run(keys.former_uses(connection()))]
    output = Output.of(context)
    output.answer(told, human=lambda: _show_clients(output, told))


@app.answering("drill")
def drill(
    context: typer.Context,
    alg: _Alg = "",
    watch: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, max=86_400, help="How long to wait for clients with old tokens.")
    ] = 0,
) -> None:
    """Rotate, and look from outside whether anybody can have noticed. Exit code 1 when somebody can.

    Names the clients whose tokens still come to us though their key signs no more.
    """
    report = run(key_drill.drill(connection(), alg, watch=watch))
    output = Output.of(context)
    output.answer(report, human=lambda: _show_drill(output, report))
    if not report["passed"]:
        raise typer.Exit(1)


def _row(told: dict[str, Any]) -> Sequence[str]:
    since = told.get("activates_at") if told["state"] != "next" else told["published_at"]
    until = (
        told.get("revoked_at") or told.get("retires_at") or (told.get("activates_at", "") * (told["state"] == "next"))
    )
    state = told["state"] + (f" ({told['revocation_reason']})" if "revocation_reason" in told else "")
    return (told["kid"], told["alg"], state, since or "", until)


def _show_turns(output: Output, told: Sequence[dict[str, Any]]) -> None:
    for key in told:
        if key["state"] == "active":
            output.line(f"{key['alg']}: {key['kid']} signs since {key['activates_at']}")
        else:
            output.line(
                f"{key['alg']}: {key['kid']} follows at {key.get('activates_at', 'a time that is not fixed yet')}"
            )


def _show_revoked(output: Output, told: dict[str, Any]) -> None:
    output.line(f"{told['kid']} is revoked, and all that it signed.")
    if "exposed_until" in told:
        output.line(f"Copies of the key set that others keep may still have it until {told['exposed_until']}.")
    left = [key for key in told["keys"] if key["state"] != "revoked"]
    _show_turns(output, left)
    if not any(key["state"] == "active" for key in left):
        output.warn("Nothing is signed with this algorithm until then: some copies of the key set lack the next key.")


def _show_clients(output: Output, told: Sequence[dict[str, Any]]) -> None:
    rows = ([use[name] if name != "count" else str(use[name]) for name in _USE] for use in told)
    columns = tuple(name.upper() for name in _USE)
    output.table(columns, rows, empty="No client shows us tokens of former keys.", whole={0})


def _show_drill(output: Output, report: dict[str, Any]) -> None:
    for step in report["steps"]:
        output.line(
            f"{'ok  ' if step['ok'] else 'FAIL'}  {step['what']}" + (f": {step['detail']}" if step["detail"] else "")
        )
    output.line()
    _show_clients(output, report["clients"])
    output.line("\nThe drill has passed." if report["passed"] else "\nThe drill has failed.")
