"""Example programs, one for each recommended flow. Names between two @ are replaced."""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "programs"
ISSUER, CLIENT_EDGE = "https://id.example", "https://token.example"
"""Used when no server is found."""


def code_for(
    program: str,
    *,
    redirect_uri: str,
    issuer: str = "",
    client_edge: str = "",
    client_id: str = "CLIENT_ID",
    client_secret: str = "CLIENT_SECRET",
) -> str:
    """The program libs/cli/programs/<program>.txt with the URLs and credentials filled in."""
    text = _text(program)
    values = {
        "ISSUER": issuer or ISSUER,
        "CLIENT_EDGE": client_edge or CLIENT_EDGE,
        "CLIENT_ID": client_id,
        "CLIENT_SECRET": client_secret,
        "REDIRECT_URI": redirect_uri,
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


@cache
def _text(program: str) -> str:
    return (_FOLDER / f"{program}.txt").read_text(encoding="utf-8")
