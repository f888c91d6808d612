"""latchkey client: applications, as RFC 7591 describes them."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from libs.cli import clients, next_steps
from libs.cli.admin import connection, run
from libs.cli.app import App
from libs.cli.clients import Told
from libs.cli.commands import registration_token
from libs.cli.commands.given import ClientId, ClientIdOption, the_one
from libs.cli.connection import Connection
from libs.cli.metadata import client_metadata, many, words
from libs.cli.output import Output, text

app = App(help="Applications that ask for tokens, as RFC 7591 describes them.")
app.add_typer(registration_token.app, name="registration-token")

_URI_RULE = "Compared character for character; the port of a loopback URI is free. Repeatable."
_GRANTS = (
    "authorization_code, refresh_token, client_credentials, implicit, password, or the URN of device codes. Repeatable."
)
_METHODS = (
    "client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt (keys: --metadata), or none if public."
)
_FILE = "Metadata as JSON (RFC 7591 2, and those of our own); - is stdin. Flags override it."


def _option(metavar: str, help_text: str = "") -> Any:
    return typer.Option(metavar=metavar, show_default=False, help=help_text)


_Text = Annotated[str | None, _option("TEXT")]
_Uri = Annotated[str | None, _option("URI")]
_RedirectUris = Annotated[list[str] | None, _option("URI", _URI_RULE)]
_Uris = Annotated[list[str] | None, _option("URI", "Repeatable.")]
_GrantTypes = Annotated[list[str] | None, _option("TYPE", _GRANTS)]
_ResponseTypes = Annotated[list[str] | None, _option("TYPE", "Repeatable.")]
_AuthMethod = Annotated[str | None, _option("METHOD", _METHODS)]
_Scopes = Annotated[list[str] | None, _option("SCOPE", "What it may ask for. Repeatable, or separated by spaces.")]
_Resources = Annotated[
    list[str] | None, _option("URI", "What it may ask tokens for by resource (RFC 8707). Repeatable.")
]
_Serves = Annotated[
    list[str] | None, _option("URI", "It is the API behind this resource and may introspect tokens for it. Repeatable.")
]
_SubjectType = Annotated[str | None, _option("public|pairwise", "pairwise: no other sector knows a person by it.")]
_Pkce = Annotated[bool | None, typer.Option("--require-pkce/--no-require-pkce", show_default=False)]
_Consent = Annotated[str | None, _option("required|skip", "skip is for applications of your own.")]
_File = Annotated[str | None, _option("FILE", _FILE)]


@app.answering("create")
def create(  # noqa: PLR0917 - the members of RFC 7591, by name only
    context: typer.Context,
    client_name: _Text = None,
    redirect_uri: _RedirectUris = None,
    grant_type: _GrantTypes = None,
    response_type: _ResponseTypes = None,
    token_endpoint_auth_method: _AuthMethod = None,
    post_logout_redirect_uri: _Uris = None,
    scope: _Scopes = None,
    subject_type: _SubjectType = None,
    sector_identifier_uri: _Uri = None,
    resource: _Resources = None,
    serves: _Serves = None,
    logo_uri: _Uri = None,
    policy_uri: _Uri = None,
    tos_uri: _Uri = None,
    client_uri: _Uri = None,
    require_pkce: _Pkce = None,
    consent: _Consent = None,
    metadata: _File = None,
) -> None:
    """Register a client. Its secret is told once, now."""
    members = client_metadata(metadata, _flags(context.params))
    found = connection()
    told = run(clients.create(found, members))
    output = Output.of(context)
    output.answer(told.as_json(), human=lambda: _show_new(output, told, found))


@app.answering("update")
def update(  # noqa: PLR0917
    context: typer.Context,
    client_id: ClientId = None,
    client_id_option: ClientIdOption = None,
    client_name: _Text = None,
    redirect_uri: _RedirectUris = None,
    grant_type: _GrantTypes = None,
    response_type: _ResponseTypes = None,
    token_endpoint_auth_method: _AuthMethod = None,
    post_logout_redirect_uri: _Uris = None,
    scope: _Scopes = None,
    subject_type: _SubjectType = None,
    sector_identifier_uri: _Uri = None,
    resource: _Resources = None,
    serves: _Serves = None,
    logo_uri: _Uri = None,
    policy_uri: _Uri = None,
    tos_uri: _Uri = None,
    client_uri: _Uri = None,
    require_pkce: _Pkce = None,
    consent: _Consent = None,
    metadata: _File = None,
) -> None:
    """Replace the members that are given, and leave the others.

    An empty value, or null in the file, removes a member.
    """
    the_id = the_one(client_id, client_id_option, "CLIENT_ID")
    members = client_metadata(metadata, _flags(context.params))
    members = {name: None if value in ("", []) else value for name, value in members.items()}
    told = run(clients.update(connection(), the_id, members))
    output = Output.of(context)
    output.answer(told.as_json(), human=lambda: _show(output, told, title="Client updated"))


@app.answering("list")
def list_all(context: typer.Context) -> None:
    """All clients, oldest first."""
    found = run(clients.every(connection()))
    output = Output.of(context)
    columns = ("CLIENT ID", "NAME", "GRANT TYPES", "REGISTERED BY")
    rows = (
        (
            each.client_id,
            each.metadata.get("client_name", ""),
            text(each.metadata.get("grant_types", [])),
            "itself" if each.registration_expires else "operator",
        )
        for each in found
    )
    output.answer(
        [each.as_json() for each in found],
        human=lambda: output.table(columns, rows, empty="No clients yet: latchkey client create -h", whole={0}),
    )


@app.answering("show")
def show(context: typer.Context, client_id: ClientId = None, client_id_option: ClientIdOption = None) -> None:
    """One client, without its secret: nobody can tell that again."""
    the_id = the_one(client_id, client_id_option, "CLIENT_ID")
    told = run(clients.get(connection(), the_id))
    output = Output.of(context)
    output.answer(told.as_json(), human=lambda: _show(output, told))


@app.answering("delete")
def delete(
    context: typer.Context,
    client_id: ClientId = None,
    client_id_option: ClientIdOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,  # noqa: FBT002
) -> None:
    """Delete a client, and end what was issued to it."""
    the_id = the_one(client_id, client_id_option, "CLIENT_ID")
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Delete client {the_id}? Its users are signed out of it", abort=True, err=True)
    run(clients.delete(connection(), the_id))
    output = Output.of(context)
    output.answer({"client_id": the_id, "deleted": True}, human=lambda: output.line(f"Client {the_id} is deleted."))


@app.answering("rotate-secret")
def rotate_secret(
    context: typer.Context,
    client_id: ClientId = None,
    client_id_option: ClientIdOption = None,
    overlap: Annotated[
        int, typer.Option(min=0, max=0xFFFF_FFFF, help="Seconds that the old secret goes on working; 0: none.")
    ] = 0,
) -> None:
    """Give a client a new secret. It is told once, now."""
    the_id = the_one(client_id, client_id_option, "CLIENT_ID")
    secret = run(clients.rotate_secret(connection(), the_id, overlap))
    output = Output.of(context)
    answer = {"client_id": the_id, "client_secret": secret, "client_secret_expires_at": 0, "overlap_seconds": overlap}

    def human() -> None:
        output.line("Secret rotated. The new one is shown this once:\n")
        output.members({"client_id": the_id, "client_secret": secret})
        output.line(f"\nThe old one works for {overlap} more seconds." if overlap else "\nThe old one works no more.")

    output.answer(answer, human=human)


def _flags(given: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7591 members; None where a flag was not given."""
    return {
        **{
            name: given[name]
            for name in (
                "client_name",
                "token_endpoint_auth_method",
                "logo_uri",
                "policy_uri",
                "tos_uri",
                "client_uri",
                "require_pkce",
                "consent",
                "subject_type",
                "sector_identifier_uri",
            )
        },
        "redirect_uris": many(given["redirect_uri"]),
        "grant_types": many(given["grant_type"]),
        "response_types": many(given["response_type"]),
        "post_logout_redirect_uris": many(given["post_logout_redirect_uri"]),
        "scope": words(given["scope"]),
        "resources": many(given["resource"]),
        "served_resources": many(given["serves"]),
    }


def _show(output: Output, told: Told, *, title: str = "") -> None:
    if title:
        output.line(f"{title}\n")
    secret = {"client_secret": told.secret} if told.secret else {}
    members = {name: text(value) for name, value in told.metadata.items()}
    expires = {"expires_unused": told.registration_expires} if told.registration_expires else {}
    output.members({"client_id": told.client_id, **secret, **members, "created": told.created, **expires})
    if told.secret:
        output.line("\nThe secret is shown this once: keep it now.")


def _show_new(output: Output, told: Told, found: Connection) -> None:
    _show(output, told, title="Client created")
    for warning in next_steps.warnings(told.metadata):
        output.line(f"\nNote: {warning}")
    steps = next_steps.for_client(
        told.metadata,
        client_id=told.client_id,
        secret=told.secret,
        issuer=found.issuer,
        client_edge=found.client_edge,
    )
    if steps:
        output.line("\nNext:\n" + "\n".join(f"  {step}" for step in steps))
