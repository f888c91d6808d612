"""latchkey user sessions, latchkey user grants: where a user is signed in, and what clients may do on their behalf."""

from typing import Annotated, Any

import typer

from latchkey.authentication.v1 import sessions_pb2
from libs.cli import grants as grant_admin
from libs.cli import users
from libs.cli.admin import connection, run, when
from libs.cli.app import App
from libs.cli.commands.given import Who, the_one
from libs.cli.connection import Connection
from libs.cli.output import Output, moment

sessions = App(help="List and end the sessions of a user.")
grants = App(help="List and revoke the grants of a user.")


@sessions.answering("list")
def list_sessions(context: typer.Context, who: Who = None) -> None:
    """List the live sessions of a user, most recently used first, at most 100."""
    found = run(users.sessions(connection(), the_one(who, None, "WHO")))
    output = Output.of(context)
    columns = ("SESSION ID", "SIGNED IN", "LAST SEEN", "NETWORK", "DEVICE")
    rows = [
        (
            each.session_id,
            moment(when(each.authenticated_at)),
            moment(when(each.last_seen_at)),
            each.ip_prefix,
            each.device,
        )
        for each in found.sessions
    ]
    answer = {"user_id": found.user_id, "sessions": [_session_json(each) for each in found.sessions]}
    output.answer(answer, human=lambda: output.table(columns, rows, empty="No live sessions.", whole={0}))


@sessions.answering("end")
def end_sessions(
    context: typer.Context,
    who: Who = None,
    session_ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SESSION_ID…]", show_default=False, help="Sessions to end; without ids: all."),
    ] = None,
) -> None:
    """End sessions of a user. Clients with a logout URI are notified; grants with offline access stay valid."""
    ended = run(users.end_sessions(connection(), the_one(who, None, "WHO"), session_ids or ()))
    output = Output.of(context)
    answer = {"user_id": ended.user_id, "ended": list(ended.session_ids)}
    output.answer(answer, human=lambda: output.line(f"{len(ended.session_ids)} sessions ended."))


@grants.answering("list")
def list_grants(context: typer.Context, who: Who = None) -> None:
    """List the valid grants of a user, most recent first, at most 500."""

    async def work(found: Connection) -> tuple[str, list[dict[str, Any]]]:
        user = await users.get(found, the_one(who, None, "WHO"))
        return user.user_id, [grant_admin.as_json(each) for each in await grant_admin.of_user(found, user.user_id)]

    user_id, listed = run(work(connection()))
    output = Output.of(context)
    columns = ("CLIENT ID", "CLIENT", "SCOPES", "OFFLINE", "CREATED", "EXPIRES")
    rows = [
        (
            each["client_id"],
            each["client_name"],
            " ".join(each["scopes"]),
            "yes" if each["offline"] else "no",
            each["created_at"],
            each["expires_at"],
        )
        for each in listed
    ]
    output.answer(
        {"user_id": user_id, "grants": listed},
        human=lambda: output.table(columns, rows, empty="No valid grants.", whole={0}),
    )


@grants.answering("revoke")
def revoke_grants(
    context: typer.Context,
    who: Who = None,
    client: Annotated[
        str, typer.Option(metavar="CLIENT_ID", show_default=False, help="Only grants of this client; default: all.")
    ] = "",
) -> None:
    """Revoke grants of a user and their tokens. The clients must ask the user for consent again."""

    async def work(found: Connection) -> tuple[str, int]:
        user = await users.get(found, the_one(who, None, "WHO"))
        return user.user_id, await grant_admin.revoke(found, user.user_id, client_id=client)

    user_id, revoked = run(work(connection()))
    output = Output.of(context)
    answer = {"user_id": user_id, "client_id": client, "revoked": revoked}
    output.answer(answer, human=lambda: output.line(f"{revoked} grants revoked."))


def _session_json(session: sessions_pb2.ListedSession) -> dict[str, Any]:
    def text(moment_of: Any) -> str:
        return when(moment_of).isoformat(timespec="seconds").replace("+00:00", "Z")

    return {
        "session_id": session.session_id,
        "authenticated_at": text(session.authenticated_at),
        "last_seen_at": text(session.last_seen_at),
        "ip_prefix": session.ip_prefix,
        "device": session.device,
    }
