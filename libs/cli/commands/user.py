"""latchkey user: manage users."""

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

app = App(help="Manage users.")

_Password = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        show_default=False,
        help="Visible to other users of this machine; without it, the terminal prompts for the password.",
    ),
]
_PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.answering("create")
def create(  # noqa: PLR0917 - by name only
    context: typer.Context,
    username: Username = None,
    username_option: UsernameOption = None,
    password: _Password = None,
    password_stdin: _PasswordStdin = False,  # noqa: FBT002 - a flag
    email: Annotated[
        str | None, typer.Option(metavar="TEXT", show_default=False, help="For example alice@example.com.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", show_default=False, help="The full name.")] = None,
    claims: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Standard claims as a JSON file (OpenID Connect Core section 5.1); - reads stdin.",
        ),
    ] = None,
) -> None:
    """Create a user."""
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
        str | None,
        typer.Option(
            metavar="TEXT",
            show_default=False,
            help="Address that the invitation is sent to, for example alice@example.com.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", show_default=False, help="The full name.")] = None,
    language: Annotated[
        str, typer.Option(metavar="TAG", show_default=False, help="Language of the email: en, de or es.")
    ] = "",
) -> None:
    """Create a user and email them a link to set a password."""
    the_name = the_one(username, username_option, "USERNAME")
    if not email:
        raise UsageError("--email is required: the invitation is sent there")
    members = {"email": email} | ({"name": name} if name else {})
    user = run(users.invite(connection(), the_name, members, language=language))
    output = Output.of(context)
    output.answer(users.as_json(user), human=lambda: _show(output, users.as_json(user), title="User invited"))


@app.answering("import")
def import_all(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File with one JSON object per line; - reads standard input.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file and import nothing.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Import users with bcrypt or PBKDF2 password hashes.

    Each line of FILE is a JSON object: {"username", "password_hash", "claims"}.
    """
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
    """List all users, oldest first."""
    found = run(users.every(connection()))
    output = Output.of(context)
    columns = ("USERNAME", "STATE", "EMAIL", "USER ID")
    rows = (_row(users.as_json(user)) for user in found)
    output.answer(
        [users.as_json(user) for user in found],
        human=lambda: output.table(columns, rows, empty="No users. To create one: latchkey user create -h", whole={3}),
    )


@app.answering("show")
def show(context: typer.Context, username: Username = None, username_option: UsernameOption = None) -> None:
    """Show a user with state and claims."""
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
        typer.Option(
            metavar="NAME=TEXT",
            show_default=False,
            help="A claim and its new value, for example locale=de. Repeatable.",
        ),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", show_default=False, help="A claim to remove, for example phone_number. Repeatable."
        ),
    ] = None,
    claims: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", show_default=False, help="Claims as a JSON file, null removes a claim; - reads stdin."
        ),
    ] = None,
) -> None:
    """Change claims of a user.

    Either all given changes are stored or none. docs/claims.md lists which claims an operator may write.
    """
    the_name = the_one(username, username_option, "USERNAME")
    members: dict[str, Any] = read_object(claims, what="--claims") if claims else {}
    members |= dict(_named(each) for each in claim or ()) | dict.fromkeys(remove or ())
    if not members:
        raise UsageError("nothing to change: give --claim NAME=TEXT, --remove NAME or --claims FILE")
    user = run(users.update(connection(), the_name, members))
    output = Output.of(context)
    output.answer(users.as_json(user), human=lambda: _show(output, users.as_json(user), title="User changed"))


@app.answering("set-password")
def set_password(
    context: typer.Context,
    username: Username = None,
    username_option: UsernameOption = None,
    password: _Password = None,
    password_stdin: _PasswordStdin = False,  # noqa: FBT002 - a flag
) -> None:
    """Set the password of a user and end all sessions."""
    the_name = the_one(username, username_option, "USERNAME")
    secret = _password(password, from_stdin=password_stdin)
    run(users.set_password(connection(), the_name, secret))
    output = Output.of(context)
    answer = {"username": the_name, "password_changed": True}
    output.answer(answer, human=lambda: output.line(f"Password of {the_name} changed. All sessions ended."))


@app.answering("disable")
def disable(context: typer.Context, username: Username = None, username_option: UsernameOption = None) -> None:
    """Disable a user and end all sessions."""
    the_name = the_one(username, username_option, "USERNAME")
    user = run(users.disable(connection(), the_name))
    output = Output.of(context)
    message = f"User {user.username} disabled. All sessions ended."
    output.answer(users.as_json(user), human=lambda: output.line(message))


@app.answering("reset-factors")
def reset_factors(context: typer.Context, username: Username = None, username_option: UsernameOption = None) -> None:
    """Remove the second factors and recovery codes of a user and end all sessions."""
    the_name = the_one(username, username_option, "USERNAME")
    removed = run(users.reset_factors(connection(), the_name))
    output = Output.of(context)
    message = f"Second factors of {the_name} removed. All sessions ended."
    nothing = f"{the_name} has no second factor."
    answer = {"username": the_name, "factors_removed": removed}
    output.answer(answer, human=lambda: output.line(message if removed else nothing))


def _password(given: str | None, *, from_stdin: bool) -> str:
    """The password from the option, from standard input (without its line end) or from a prompt with confirmation."""
    if given is not None and from_stdin:
        raise UsageError("--password and --password-stdin cannot be combined")
    if from_stdin:
        return sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise UsageError("a password is required: give --password-stdin or --password")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _named(claim: str) -> tuple[str, str]:
    name, separator, value = claim.partition("=")
    if not name or not separator:
        raise UsageError(f"--claim must be NAME=TEXT, not {claim!r}")
    return name, value


def _row(user: dict[str, Any]) -> list[str]:
    return [user["username"], user["state"], text(user["claims"].get("email", "")), user["user_id"]]


def _show(output: Output, user: dict[str, Any], *, title: str) -> None:
    output.line(f"{title}\n")
    claims = {name: text(value) for name, value in user["claims"].items()}
    output.members({"username": user["username"], "user_id": user["user_id"], "state": user["state"], **claims})
