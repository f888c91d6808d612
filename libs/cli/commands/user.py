"""latchkey user: people, for operators."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from libs.cli import user_import, users
from libs.cli.admin import connection, run
from libs.cli.app import App
from libs.cli.commands.given import Username, UsernameOption, the_one
from libs.cli.errors import UsageError
from libs.cli.metadata import read_object, read_text
from libs.cli.output import Output, text

app = App(help="People.")

_Password = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT", show_default=False, help="Others on this machine may see it; without it you are asked."
    ),
]
_PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read it from standard input.")]


@app.answering("create")
def create(  # noqa: PLR0917 - by name only
    context: typer.Context,
    username: Username = None,
    username_option: UsernameOption = None,
    password: _Password = None,
    password_stdin: _PasswordStdin = False,  # noqa: FBT002
    email: Annotated[str | None, typer.Option(metavar="TEXT", show_default=False)] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", show_default=False, help="The full name.")] = None,
    claims: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", show_default=False, help="Standard claims as JSON (OpenID Connect Core 5.1); - is stdin."
        ),
    ] = None,
) -> None:
    """Create somebody who can sign in."""
    if password_stdin and claims == "-":
        raise UsageError("--password-stdin and --claims - cannot both read standard input")
    the_name = the_one(username, username_option, "USERNAME")
    members: dict[str, Any] = read_object(claims, what="--claims") if claims else {}
    members |= {claim: value for claim, value in (("email", email), ("name", name)) if value is not None}
    secret = _password(password, from_stdin=password_stdin)
    user = run(users.create(connection(), the_name, secret, members))
    output = Output.of(context)
    output.answer(users.as_json(user), human=lambda: _show(output, users.as_json(user), title="User created"))


@app.answering("invite")
def invite(  # noqa: PLR0917 - by name only
    context: typer.Context,
    username: Username = None,
    username_option: UsernameOption = None,
    email: Annotated[
        str | None, typer.Option(metavar="TEXT", show_default=False, help="Where the letter goes.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", show_default=False, help="The full name.")] = None,
    language: Annotated[str, typer.Option(metavar="TAG", show_default=False, help="Of the letter: en, de, es.")] = "",
) -> None:
    """Make an account for somebody, and send them a link to choose its password."""
    the_name = the_one(username, username_option, "USERNAME")
    if not email:
        raise UsageError("an address is needed: --email")
    members = {"email": email} | ({"name": name} if name else {})
    user = run(users.invite(connection(), the_name, members, language=language))
    output = Output.of(context)
    output.answer(users.as_json(user), human=lambda: _show(output, users.as_json(user), title="User invited"))


@app.answering("import")
def import_all(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One JSON object a line; - is standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be wrong.")] = False,  # noqa: FBT002
) -> None:
    """Bring people along from another system, with bcrypt or PBKDF2 hashes: {"username", "password_hash", "claims"}."""
    lines = read_text(str(file)).splitlines()
    result = run(user_import.import_users(connection(), lines, dry_run=dry_run))
    output = Output.of(context)
    verb = "could be imported" if dry_run else "imported"
    faults = [f"line {fault.line}: {fault.what}" for fault in result.faults]
    answer = {
        "dry_run": dry_run,
        "imported": result.imported,
        "faults": [{"line": fault.line, "what": fault.what} for fault in result.faults],
    }
    output.answer(
        answer, human=lambda: output.line("\n".join([*faults, f"{result.imported} {verb}, {len(faults)} refused"]))
    )
    if faults:
        raise typer.Exit(1)


@app.answering("list")
def list_all(context: typer.Context) -> None:
    """All users, oldest first."""
    found = run(users.every(connection()))
    output = Output.of(context)
    columns = ("USERNAME", "STATE", "EMAIL", "USER ID")
    rows = (_row(users.as_json(user)) for user in found)
    output.answer(
        [users.as_json(user) for user in found],
        human=lambda: output.table(columns, rows, empty="Nobody yet: latchkey user create -h", whole={3}),
    )


@app.answering("show")
def show(context: typer.Context, username: Username = None, username_option: UsernameOption = None) -> None:
    """What is known of somebody."""
    user = run(users.get(connection(), the_one(username, username_option, "USERNAME")))
    output = Output.of(context)
    output.answer(users.as_json(user), human=lambda: _show(output, users.as_json(user), title="User"))


@app.answering("update")
def update(  # noqa: PLR0917 - by name only
    context: typer.Context,
    username: Username = None,
    username_option: UsernameOption = None,
    claim: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=TEXT", show_default=False, help="A claim and its new value; again for more."),
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="NAME", show_default=False, help="A claim to take away; again for more.")
    ] = None,
    claims: Annotated[
        str | None,
        typer.Option(metavar="FILE", show_default=False, help="Claims as JSON, null takes one away; - is stdin."),
    ] = None,
) -> None:
    """Change claims of somebody: all that are named, or none (docs/claims.md says who may write which)."""
    the_name = the_one(username, username_option, "USERNAME")
    members: dict[str, Any] = read_object(claims, what="--claims") if claims else {}
    members |= dict(_named(each) for each in claim or ()) | dict.fromkeys(remove or ())
    if not members:
        raise UsageError("nothing to change: --claim NAME=TEXT, --remove NAME or --claims FILE")
    user = run(users.update(connection(), the_name, members))
    output = Output.of(context)
    output.answer(users.as_json(user), human=lambda: _show(output, users.as_json(user), title="User changed"))


@app.answering("set-password")
def set_password(
    context: typer.Context,
    username: Username = None,
    username_option: UsernameOption = None,
    password: _Password = None,
    password_stdin: _PasswordStdin = False,  # noqa: FBT002
) -> None:
    """Give somebody a new password; wherever they are signed in ends."""
    the_name = the_one(username, username_option, "USERNAME")
    secret = _password(password, from_stdin=password_stdin)
    run(users.set_password(connection(), the_name, secret))
    output = Output.of(context)
    answer = {"username": the_name, "password_changed": True}
    output.answer(answer, human=lambda: output.line(f"{the_name} has a new password, and is signed out everywhere."))


@app.answering("disable")
def disable(context: typer.Context, username: Username = None, username_option: UsernameOption = None) -> None:
    """Keep somebody from signing in; what they were signed in to ends."""
    the_name = the_one(username, username_option, "USERNAME")
    user = run(users.disable(connection(), the_name))
    output = Output.of(context)
    message = f"{user.username} can no longer sign in, and is signed out everywhere."
    output.answer(users.as_json(user), human=lambda: output.line(message))


@app.answering("reset-factors")
def reset_factors(context: typer.Context, username: Username = None, username_option: UsernameOption = None) -> None:
    """Take away somebody's second factors and recovery codes, when they have lost them; what is signed in ends."""
    the_name = the_one(username, username_option, "USERNAME")
    removed = run(users.reset_factors(connection(), the_name))
    output = Output.of(context)
    message = f"{the_name} signs in with the password alone, and is signed out everywhere."
    nothing = f"{the_name} has no second factor."
    answer = {"username": the_name, "factors_removed": removed}
    output.answer(answer, human=lambda: output.line(message if removed else nothing))


def _password(given: str | None, *, from_stdin: bool) -> str:
    """From the flag, standard input (without its line end) or the terminal, where it is asked for twice."""
    if given is not None and from_stdin:
        raise UsageError("--password and --password-stdin exclude each other")
    if from_stdin:
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise UsageError("a password is needed: --password-stdin, or --password")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _named(claim: str) -> tuple[str, str]:
    name, separator, value = claim.partition("=")
    if not name or not separator:
        raise UsageError(f"--claim takes NAME=TEXT, and not {claim!r}")
    return name, value


def _row(told: dict[str, Any]) -> list[str]:
    return [told["username"], told["state"], text(told["claims"].get("email", "")), told["user_id"]]


def _show(output: Output, told: dict[str, Any], *, title: str) -> None:
    output.line(f"{title}\n")
    claims = {name: text(value) for name, value in told["claims"].items()}
    output.members({"username": told["username"], "user_id": told["user_id"], "state": told["state"], **claims})
