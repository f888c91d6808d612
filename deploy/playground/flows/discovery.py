"""Discovery: the first step of every flow."""

from deploy.playground.references import DISCOVERY, rfc
from deploy.playground.relying_party import RelyingParty
from deploy.playground.transcript import Run


async def discover(run: Run, party: RelyingParty) -> None:
    """Load the metadata of the server, once for a relying party."""
    with run.step(
        "discovery",
        "Fetch the discovery document",
        "One document lists the endpoints and features of the server. A client only needs the issuer.",
        DISCOVERY,
        rfc(8414, "3"),
        quiet=True,
    ):
        await party.discover()
