"""latchkey key: list, rotate and revoke signing keys."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from libs.cli import key_drill, keys
from libs.cli.admin import connection, run
from libs.cli.app import App
from libs.cli.commands.given import Yes, confirm
from libs.cli.errors import UsageError
from libs.cli.output import Output

app = App(help="Manage signing keys. They rotate automatically.")

_Kid = Annotated[str, typer.Argument(metavar="KID", help="Key ID, from `latchkey key list`.")]
_Alg = Annotated[str, typer.Option(metavar="ES256|RS256", show_default=False, help="Signing algorithm. Default: all.")]
_Reason = Annotated[
    str,
    typer.Option(
        metavar="|".join(keys.REASONS),
        show_default=False,
        help="Reason of the revocation; subscribers receive it in key.revoked.",
    ),
]
SCHEDULED = 3
"""Exit code of `key rotate` when the rotation happens later."""
_USE = ("client_id", "presented_as", "count", "last_at", "kid")
_COLUMNS = ("KID", "ALG", "STATE", "SINCE", "UNTIL")


@app.answering("list")
def list_all(context: typer.Context) -> None:
    """List all keys by algorithm, oldest first, retired and revoked keys included."""
    found = [keys.as_json(key) for key in run(keys.every(connection()))]
    output = Output.of(context)
    output.answer(found, human=lambda: output.table(_COLUMNS, map(_row, found), empty="No keys.", whole={0}))


@app.answering("rotate")
def rotate(context: typer.Context, alg: _Alg = "") -> None:
    """Rotate the signing keys now.

    A next key that some copies of the key set may still lack is scheduled: it becomes active when all copies have it.
    Exit code 3 when a rotation is scheduled.
    """
    rotated, scheduled = run(keys.rotate(connection(), alg))
    found = [keys.as_json(key) for key in rotated]
    output = Output.of(context)
    output.answer(found, human=lambda: _show_rotation(output, found, scheduled=scheduled))
    if scheduled:
        output.warn(
            f"Not rotated yet: {', '.join(scheduled)}. The next key was published too recently: some cached copies of "
            "the key set lack it. On a test server, `latchkey key revoke KID --reason drill` replaces the active key "
            "now; tokens that it signed become invalid."
        )
        raise typer.Exit(SCHEDULED)


@app.answering("revoke")
def revoke(
    context: typer.Context,
    kid: _Kid,
    reason: _Reason,
    yes: Yes = False,  # noqa: FBT002 - a flag
) -> None:
    """Revoke a compromised key. All tokens that it signed become invalid at once."""
    if reason not in keys.REASONS:
        raise UsageError(f"--reason must be one of {', '.join(keys.REASONS)}")
    confirm(f"Revoke {kid}? Every token that it signed becomes invalid", yes=yes)
    answer = run(keys.revoke(connection(), kid, reason))
    report: dict[str, Any] = {"kid": kid, "keys": [keys.as_json(key) for key in answer.keys]}
    if answer.HasField("exposed_until"):
        report["exposed_until"] = keys.moment(answer.exposed_until)
    output = Output.of(context)
    output.answer(report, human=lambda: _show_revoked(output, report))


@app.answering("rewrap")
def rewrap(context: typer.Context) -> None:
    """Encrypt all signing keys again under the current key-encryption key.

    Run it after a new key-encryption key was installed. It can be repeated at any time.
    """
    done, remaining = run(keys.rewrap(connection()))
    output = Output.of(context)
    text = f"{done} keys encrypted under the current key-encryption key." + (
        f" {remaining} keys remain: run the command again." if remaining else ""
    )
    output.answer({"rewrapped": done, "remaining": remaining}, human=lambda: output.line(text))


@app.answering("clients")
def clients(context: typer.Context) -> None:
    """List clients that presented tokens signed by retired keys in the last 30 days."""
    found = [keys.use_as_json(use) for use in run(keys.retired_key_uses(connection()))]
    output = Output.of(context)
    output.answer(found, human=lambda: _show_clients(output, found))


@app.answering("drill")
def drill(
    context: typer.Context,
    alg: _Alg = "",
    watch: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=0,
            max=86_400,
            help="Seconds to wait for clients that present tokens signed by retired keys, for example 3600.",
        ),
    ] = 0,
) -> None:
    """Rotate the signing keys and check that resource servers can verify tokens throughout.

    Also lists the clients that present tokens signed by retired keys. Exit code 1 when a check fails.
    """
    report = run(key_drill.drill(connection(), alg, watch=watch))
    output = Output.of(context)
    output.answer(report, human=lambda: _show_drill(output, report))
    if not report["passed"]:
        raise typer.Exit(1)


def _row(key: dict[str, Any]) -> Sequence[str]:
    since = key.get("activates_at") if key["state"] != "next" else key["published_at"]
    until = key.get("revoked_at") or key.get("retires_at") or (key.get("activates_at", "") * (key["state"] == "next"))
    state = key["state"] + (f" ({key['revocation_reason']})" if "revocation_reason" in key else "")
    return (key["kid"], key["alg"], state, since or "", until)


def _show_rotation(output: Output, found: Sequence[dict[str, Any]], *, scheduled: Sequence[str] = ()) -> None:
    for key in found:
        if key["state"] == "active":
            output.line(f"{key['alg']}: {key['kid']} is active since {key['activates_at']}")
        elif key["alg"] in scheduled:
            moment = key.get("activates_at", "a time not set yet")
            output.line(f"{key['alg']}: rotation to {key['kid']} is scheduled for {moment}")
        else:
            output.line(
                f"{key['alg']}: {key['kid']} is next, active from {key.get('activates_at', 'a time not set yet')}"
            )


def _show_revoked(output: Output, report: dict[str, Any]) -> None:
    output.line(f"{report['kid']} revoked. Tokens that it signed are invalid.")
    if "exposed_until" in report:
        output.line(f"Cached copies of the key set may still contain it until {report['exposed_until']}.")
    left = [key for key in report["keys"] if key["state"] != "revoked"]
    _show_rotation(output, left)
    if not any(key["state"] == "active" for key in left):
        output.warn(
            "No tokens are signed with this algorithm until then: some cached copies of the key set lack the next key."
        )


def _show_clients(output: Output, uses: Sequence[dict[str, Any]]) -> None:
    rows = ([use[name] if name != "count" else str(use[name]) for name in _USE] for use in uses)
    columns = tuple(name.upper() for name in _USE)
    output.table(columns, rows, empty="No client presented a token signed by a retired key.", whole={0})


def _show_drill(output: Output, report: dict[str, Any]) -> None:
    for step in report["steps"]:
        output.line(
            f"{'ok  ' if step['ok'] else 'FAIL'}  {step['what']}" + (f": {step['detail']}" if step["detail"] else "")
        )
    output.line()
    _show_clients(output, report["clients"])
    output.line("\nDrill passed." if report["passed"] else "\nDrill failed.")
