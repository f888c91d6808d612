"""The step that every flow begins with."""

from deploy.playground.references import DISCOVERY, rfc
from deploy.playground.relying_party import RelyingParty
from deploy.playground.transcript import Run


async def discover(run: Run, party: RelyingParty) -> None:
    """Load the metadata of the server, once for a relying party."""
    with run.step(
        "discovery",
        "Ask the server where everything is",
        "One document names every endpoint and what the server can do. A client has to know the issuer, nothing else.",
        DISCOVERY,
        rfc(8414, "3"),
        quiet=True,
    ):
        await party.discover()
