"""Programs to paste, one for each advice: they run as they are, but for what stands between two @."""

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "programs"
ISSUER, CLIENT_EDGE = "https://id.example", "https://token.example"
"""Where it is not known which server it will be."""


def code_for(
    program: str,
    *,
    redirect_uri: str,
    issuer: str = "",
    client_edge: str = "",
    client_id: str = "CLIENT_ID",
    client_secret: str = "CLIENT_SECRET",
) -> str:
    """The program of that name in libs/cli/programs, for this server and this client."""
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
