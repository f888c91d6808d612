"""The summary at the end of a start: URLs, credentials and first steps."""

import os
from pathlib import Path

from deploy.local import demo
from deploy.local.layout import Layout


def ready(layout: Layout, *, playground: bool, seconds: float) -> str:
    """`seconds`: duration of the start."""
    users = ", ".join(f"{name} / {password}" for name, (password, _) in demo.USERS.items())
    rows = [
        ("Issuer", layout.issuer),
        ("Client edge", layout.client_edge),
        *([("Playground", layout.playground)] if playground else []),
        *([("Mailboxes", f"{layout.playground}/mail")] if playground else []),
        ("Demo users", users),
        ("NATS", layout.nats_url),
        ("", f"credentials {_short(layout.home.creds('subscriber'))}"),
        ("State, logs", _short(layout.home.root)),
    ]
    return "\n".join(
        [
            "",
            "Latchkey is ready",
            "",
            *(f"  {label:<12} {value}" for label, value in rows),
            "",
            "  Next:",
            *(f"  {number}. {step}" for number, step in enumerate(_steps(layout, playground=playground), 1)),
            "",
            f"  Started in {seconds:.1f} s. Ctrl-C stops everything.",
        ]
    )


def _steps(layout: Layout, *, playground: bool) -> list[str]:
    first = (
        f"Sign in as alice at {layout.playground} and read every message"
        if playground
        else f"Read {layout.issuer}/.well-known/openid-configuration"
    )
    create = "latchkey client create --client-name mine --redirect-uri http://localhost:3000/callback"
    return [
        first,
        "Watch the events meanwhile:  .venv/bin/latchkey events tail",
        f"Register your own client:    .venv/bin/{create}",
    ]


def _short(path: Path) -> str:
    """The path relative to the current folder, when that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)
