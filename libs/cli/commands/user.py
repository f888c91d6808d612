"""latchkey user: manage users."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from libs.cli import user_import, users
from libs.cli.admin import connection, run
from libs.cli.app import App
from libs.cli.commands import user_access
from libs.cli.commands.given import Username, UsernameOption, Who, Yes, confirm, the_one
from libs.cli.errors import UsageError
from libs.cli.metadata import read_object, read_text
from libs.cli.output import Output, text

app = App(help="Manage users.")
app.add_typer(user_access.sessions, name="sessions")
app.add_typer(user_access.grants, name="grants")

_State = Literal["active", "disabled"]
_Sort = Literal["created", "username"]

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
    update: Annotated[  # noqa: FBT002 - a flag
        bool,
        typer.Option("--update", help="Write the claims of users who exist. Their passwords stay."),
    ] = False,
) -> None:
    """Import users with the password hashes of another system.

    Each line of FILE is a JSON object: {"username", "password_hash", "claims", "id"}. `id` is the `sub` to keep;
    `claims` and `id` are optional. Formats of hashes: argon2id, bcrypt, scrypt, PBKDF2, sha512crypt, SSHA.
    """
    lines = read_text(str(file)).split("\n")
    result = run(user_import.import_users(connection(), lines, dry_run=dry_run, update=update))
    output = Output.of(context)
    verb = "could be imported" if dry_run else "imported"
    faults = [f"line {fault.line}: {fault.what}" for fault in result.faults]
    answer = {
        "dry_run": dry_run,
        "imported": result.imported,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "faults": [{"line": fault.line, "what": fault.what} for fault in result.faults],
    }
    existing = f", {result.updated} updated, {result.unchanged} unchanged" if update else ""
    summary = f"{result.imported} {verb}{existing}, {len(faults)} refused"
    output.answer(answer, human=lambda: output.line("\n".join([*faults, summary])))
    if faults:
        raise typer.Exit(1)


@app.answering("list")
def list_all(  # noqa: PLR0917 - by name only
    context: typer.Context,
    query: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            show_default=False,
            help="Beginnings of words in username, email address or name, for example 'ali exam'.",
        ),
    ] = "",
    email: Annotated[
        str, typer.Option(metavar="ADDRESS", show_default=False, help="For example alice@example.com.")
    ] = "",
    state: Annotated[_State | None, typer.Option(show_default=False, help="Default: both.")] = None,
    sort: Annotated[_Sort, typer.Option(help="created: oldest first.")] = "created",
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", show_default=False, help="Number of users; default: all.")
    ] = None,
    page: Annotated[
        str,
        typer.Option(
            metavar="TOKEN",
            show_default=False,
            help="Continue after an earlier list: its `next`. The other options must be the same.",
        ),
    ] = "",
) -> None:
    """List and find users."""
    listing = users.Listing(query=query, email=email, state=state, order=sort, limit=limit, page=page)
    found, following = run(users.find(connection(), listing))
    output = Output.of(context)
    columns = ("USERNAME", "STATE", "EMAIL", "USER ID")
    rows = (_row(users.as_json(user)) for user in found)
    filtered = query or email or state or page
    empty = "No users found." if filtered else "No users. To create one: latchkey user create -h"

    def human() -> None:
        output.table(columns, rows, empty=empty, whole={3})
        if following:
            output.line(f"\nMore users: add --page {following}")

    output.answer({"users": [users.as_json(user) for user in found], "next": following}, human=human)


@app.answering("show")
def show(context: typer.Context, username: Who = None, username_option: UsernameOption = None) -> None:
    """Show a user with state and claims."""
    user = run(users.get(connection(), the_one(username, username_option, "WHO")))
    output = Output.of(context)
    output.answer(users.as_json(user), human=lambda: _show(output, users.as_json(user), title="User"))


@app.answering("update")
def update(  # noqa: PLR0917 - by name only
    context: typer.Context,
    username: Who = None,
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
    the_name = the_one(username, username_option, "WHO")
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
    username: Who = None,
    username_option: UsernameOption = None,
    password: _Password = None,
    password_stdin: _PasswordStdin = False,  # noqa: FBT002 - a flag
) -> None:
    """Set the password of a user and end all sessions."""
    the_name = the_one(username, username_option, "WHO")
    secret = _password(password, from_stdin=password_stdin)
    run(users.set_password(connection(), the_name, secret))
    output = Output.of(context)
    answer = {"username": the_name, "password_changed": True}
    output.answer(answer, human=lambda: output.line(f"Password of {the_name} changed. All sessions ended."))


@app.answering("disable")
def disable(context: typer.Context, username: Who = None, username_option: UsernameOption = None) -> None:
    """Disable a user and end all sessions."""
    the_name = the_one(username, username_option, "WHO")
    user = run(users.disable(connection(), the_name))
    output = Output.of(context)
    message = f"User {user.username} disabled. All sessions ended."
    output.answer(users.as_json(user), human=lambda: output.line(message))


@app.answering("enable")
def enable(context: typer.Context, username: Who = None, username_option: UsernameOption = None) -> None:
    """Enable a disabled user. Sessions and grants from before stay ended."""
    user = run(users.enable(connection(), the_one(username, username_option, "WHO")))
    output = Output.of(context)
    output.answer(users.as_json(user), human=lambda: output.line(f"User {user.username} enabled."))


@app.answering("delete")
def delete(
    context: typer.Context,
    username: Who = None,
    username_option: UsernameOption = None,
    yes: Yes = False,  # noqa: FBT002 - a flag
) -> None:
    """Delete a user, also a disabled one, and all stored data. This cannot be undone."""
    who = the_one(username, username_option, "WHO")
    confirm(f"Delete user {who} and all stored data? This cannot be undone", yes=yes)
    user_id = run(users.delete(connection(), who))
    output = Output.of(context)
    output.answer({"user_id": user_id, "deleted": True}, human=lambda: output.line(f"User {who} ({user_id}) deleted."))


@app.answering("verify-email")
def verify_email(context: typer.Context, username: Who = None, username_option: UsernameOption = None) -> None:
    """Mark the email address of a user as verified. Do this only if you know that the user owns it."""
    user = run(users.update(connection(), the_one(username, username_option, "WHO"), {"email_verified": True}))
    output = Output.of(context)
    answer = users.as_json(user)
    message = f"Email address {text(answer['email'])} of {user.username} is marked as verified."
    output.answer(answer, human=lambda: output.line(message))


@app.answering("send-reset")
def send_reset(
    context: typer.Context,
    username: Who = None,
    username_option: UsernameOption = None,
    language: Annotated[
        str, typer.Option(metavar="TAG", show_default=False, help="Language of the email: en, de or es.")
    ] = "",
) -> None:
    """Email a user a link to set a new password. The current password stays valid until then."""
    who = the_one(username, username_option, "WHO")
    run(users.send_reset(connection(), who, language=language))
    output = Output.of(context)
    output.answer(
        {"username": who, "email_queued": True}, human=lambda: output.line(f"Password reset email for {who} queued.")
    )


@app.answering("reset-factors")
def reset_factors(context: typer.Context, username: Who = None, username_option: UsernameOption = None) -> None:
    """Remove the second factors and recovery codes of a user and end all sessions."""
    the_name = the_one(username, username_option, "WHO")
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
