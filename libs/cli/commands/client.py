"""latchkey client: manage clients (RFC 7591)."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from libs.cli import clients, next_steps
from libs.cli.admin import connection, run
from libs.cli.app import App
from libs.cli.clients import ClientRecord
from libs.cli.commands import registration_token
from libs.cli.commands.given import ClientId, ClientIdOption, Yes, confirm, the_one
from libs.cli.connection import Connection
from libs.cli.metadata import client_metadata, many, words
from libs.cli.output import Output, text
from libs.oauth.client_authentication import ASSERTION_METHODS

app = App(help="Manage clients: the applications that request tokens (RFC 7591).")
app.add_typer(registration_token.app, name="registration-token")

_URI_RULE = (
    "Redirect URI, for example https://app.example/callback. Requests must match it exactly, except for the port of a "
    "loopback address (127.0.0.1 or [::1]); with application_type native also for the port of localhost. Repeatable."
)
_GRANTS = (
    "authorization_code, refresh_token, client_credentials, implicit, password, or "
    "urn:ietf:params:oauth:grant-type:device_code. Repeatable."
)
_METHODS = (
    "client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt (keys: in --metadata), or "
    "none for a public client. Default: client_secret_basic or client_secret_post, as the client sends it."
)
_FILE = (
    "Client metadata as a JSON file (RFC 7591 section 2 and docs/clients.md); - reads stdin. Options override the file."
)


def _option(metavar: str, help_text: str = "") -> Any:
    return typer.Option(metavar=metavar, show_default=False, help=help_text)


_Text = Annotated[str | None, _option("TEXT")]
_Uri = Annotated[str | None, _option("URI")]
_RedirectUris = Annotated[list[str] | None, _option("URI", _URI_RULE)]
_Uris = Annotated[list[str] | None, _option("URI", "Repeatable.")]
_GrantTypes = Annotated[list[str] | None, _option("TYPE", _GRANTS)]
_ResponseTypes = Annotated[list[str] | None, _option("TYPE", "Repeatable.")]
_AuthMethod = Annotated[str | None, _option("METHOD", _METHODS)]
_Scopes = Annotated[
    list[str] | None,
    _option("SCOPE", "Scope that the client may request, for example openid. Repeatable, or separated by spaces."),
]
_Resources = Annotated[
    list[str] | None,
    _option("URI", "Resource indicator that the client may request tokens for (RFC 8707). Repeatable."),
]
_Serves = Annotated[
    list[str] | None, _option("URI", "Resource that this client serves: it may introspect tokens for it. Repeatable.")
]
_SubjectType = Annotated[
    str | None, _option("public|pairwise", "pairwise: each sector gets another subject identifier for the same user.")
]
_Pkce = Annotated[
    bool | None,
    typer.Option(
        "--require-pkce/--no-require-pkce",
        show_default=False,
        help="Require PKCE always, or neither PKCE nor a nonce. Default: PKCE, or a nonce in an OpenID Connect "
        "request; public clients always need PKCE.",
    ),
]
_Consent = Annotated[
    str | None,
    _option("required|skip", "Whether users are asked for consent. Use skip only for first-party applications."),
]
_Dpop = Annotated[
    bool | None,
    typer.Option(
        "--dpop/--no-dpop",
        show_default=False,
        help="Bind every access token to a key of the client: each token request needs a DPoP proof (RFC 9449).",
    ),
]
_InIdToken = Annotated[
    bool | None,
    typer.Option(
        "--claims-in-id-token/--no-claims-in-id-token",
        show_default=False,
        help="Put claims of granted scopes, such as name and email, into the ID token. On for new clients: many "
        "libraries do not request userinfo.",
    ),
]
_InAccessToken = Annotated[
    list[str] | None,
    _option("CLAIM", "Claim of a granted scope that access tokens contain, for example groups. Repeatable."),
]
_File = Annotated[str | None, _option("FILE", _FILE)]


def _metadata(  # noqa: PLR0917 - the members of RFC 7591, by name only
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
    dpop: _Dpop = None,
    claims_in_id_token: _InIdToken = None,
    claims_in_access_token: _InAccessToken = None,
    metadata: _File = None,
) -> dict[str, Any]:
    """Client metadata (RFC 7591 section 2) from the options of `client create` and `client update`.

    Options that were not given are left out.
    """
    return client_metadata(
        metadata,
        {
            "client_name": client_name,
            "redirect_uris": many(redirect_uri),
            "grant_types": many(grant_type),
            "response_types": many(response_type),
            "token_endpoint_auth_method": token_endpoint_auth_method,
            "post_logout_redirect_uris": many(post_logout_redirect_uri),
            "scope": words(scope),
            "subject_type": subject_type,
            "sector_identifier_uri": sector_identifier_uri,
            "resources": many(resource),
            "served_resources": many(serves),
            "logo_uri": logo_uri,
            "policy_uri": policy_uri,
            "tos_uri": tos_uri,
            "client_uri": client_uri,
            "require_pkce": require_pkce,
            "consent": consent,
            "dpop_bound_access_tokens": dpop,
            "claims_in_id_token": claims_in_id_token,
            "claims_in_access_token": many(claims_in_access_token),
        },
    )


def _with_metadata_options(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options of `_metadata`, and passes their result as `members`."""
    signature, options = inspect.signature(function), inspect.signature(_metadata).parameters

    @functools.wraps(function)
    def command(**given: Any) -> None:
        members = _metadata(**{name: given.pop(name) for name in options})
        function(**given, members=members)

    own = [parameter for parameter in signature.parameters.values() if parameter.name != "members"]
    command.__signature__ = signature.replace(parameters=[*own, *options.values()])  # type: ignore[attr-defined]
    command.__annotations__ = function.__annotations__ | _metadata.__annotations__
    return command


@app.answering("create")
@_with_metadata_options
def create(context: typer.Context, *, members: dict[str, Any]) -> None:
    """Register a client. The secret is shown only once."""
    found = connection()
    created = run(clients.create(found, {**_defaults(members), **members}))
    output = Output.of(context)
    output.answer(created.as_json(), human=lambda: _show_new(output, created, found))


def _defaults(members: dict[str, Any]) -> dict[str, Any]:
    """What a new client gets beyond the standards' defaults. Many libraries read only the ID token.

    The rules for JWTs of clients are strict: clients that cannot follow them get `"strict_client_jwts": false`.
    """
    has_users = members.get("grant_types") != ["client_credentials"]
    signs = "jwks" in members or "jwks_uri" in members or members.get("token_endpoint_auth_method") in ASSERTION_METHODS
    return ({"claims_in_id_token": True} if has_users else {}) | ({"strict_client_jwts": True} if signs else {})


@app.answering("update")
@_with_metadata_options
def update(
    context: typer.Context,
    client_id: ClientId = None,
    client_id_option: ClientIdOption = None,
    *,
    members: dict[str, Any],
) -> None:
    """Replace the given metadata members of a client; the others stay unchanged.

    An empty value, or null in the file, removes a member.
    """
    the_id = the_one(client_id, client_id_option, "CLIENT_ID")
    members = {name: None if value in ("", []) else value for name, value in members.items()}
    updated = run(clients.update(connection(), the_id, members))
    output = Output.of(context)
    output.answer(updated.as_json(), human=lambda: _show(output, updated, title="Client updated"))


@app.answering("list")
def list_all(
    context: typer.Context,
    query: Annotated[
        str, _option("TEXT", "Beginnings of words in the client_id or the name, for example 'web sh'.")
    ] = "",
) -> None:
    """List clients, oldest first."""
    found = [each for each in run(clients.every(connection())) if each.matches(query)]
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
    empty = "No clients found." if query else "No clients yet: latchkey client create -h"
    output.answer([each.as_json() for each in found], human=lambda: output.table(columns, rows, empty=empty, whole={0}))


@app.answering("show")
def show(context: typer.Context, client_id: ClientId = None, client_id_option: ClientIdOption = None) -> None:
    """Show a client. The secret is not shown."""
    the_id = the_one(client_id, client_id_option, "CLIENT_ID")
    client = run(clients.get(connection(), the_id))
    output = Output.of(context)
    output.answer(client.as_json(), human=lambda: _show(output, client))


@app.answering("delete")
def delete(
    context: typer.Context,
    client_id: ClientId = None,
    client_id_option: ClientIdOption = None,
    yes: Yes = False,  # noqa: FBT002 - a flag
) -> None:
    """Delete a client and revoke its tokens."""
    the_id = the_one(client_id, client_id_option, "CLIENT_ID")
    confirm(f"Delete client {the_id}? Its tokens are revoked and its users are signed out of it", yes=yes)
    run(clients.delete(connection(), the_id))
    output = Output.of(context)
    output.answer({"client_id": the_id, "deleted": True}, human=lambda: output.line(f"Client {the_id} deleted."))


@app.answering("rotate-secret")
def rotate_secret(
    context: typer.Context,
    client_id: ClientId = None,
    client_id_option: ClientIdOption = None,
    overlap: Annotated[
        int,
        typer.Option(
            min=0,
            max=0xFFFF_FFFF,
            help="Seconds for which the old secret stays valid, for example 3600. 0: it becomes invalid at once.",
        ),
    ] = 0,
) -> None:
    """Replace the secret of a client. The new secret is shown only once."""
    the_id = the_one(client_id, client_id_option, "CLIENT_ID")
    secret = run(clients.rotate_secret(connection(), the_id, overlap))
    output = Output.of(context)
    answer = {"client_id": the_id, "client_secret": secret, "client_secret_expires_at": 0, "overlap_seconds": overlap}

    def human() -> None:
        output.line("Secret rotated. The new secret is shown only once:\n")
        output.members({"client_id": the_id, "client_secret": secret})
        output.line(
            f"\nThe old secret stays valid for {overlap} seconds."
            if overlap
            else "\nThe old secret is no longer valid."
        )

    output.answer(answer, human=human)


def _show(output: Output, client: ClientRecord, *, title: str = "") -> None:
    if title:
        output.line(f"{title}\n")
    secret = {"client_secret": client.secret} if client.secret else {}
    members = {name: text(value) for name, value in client.metadata.items()}
    expires = {"expires_unused": client.registration_expires} if client.registration_expires else {}
    output.members({"client_id": client.client_id, **secret, **members, "created": client.created, **expires})
    if client.secret:
        output.line("\nThe secret is shown only once: store it now.")


def _show_new(output: Output, client: ClientRecord, found: Connection) -> None:
    _show(output, client, title="Client created")
    for warning in next_steps.warnings(client.metadata):
        output.line(f"\nNote: {warning}")
    steps = next_steps.for_client(
        client.metadata,
        client_id=client.client_id,
        secret=client.secret,
        issuer=found.issuer,
        client_edge=found.client_edge,
    )
    if steps:
        output.line("\nNext:\n" + "\n".join(f"  {step}" for step in steps))
