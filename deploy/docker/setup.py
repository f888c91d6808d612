"""`python -m deploy.docker.setup`: makes what the parts of the composed stack know each other by, and hands it out.

Certificates, NATS accounts, secrets and database passwords are made as for a run on one machine (deploy/local), in a
home that only this container sees. Run again it keeps what is there, and renews certificates that are about to expire.
"""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from deploy.docker import addresses
from deploy.docker.handout import PublicUrls, hand_out
from deploy.local.console import complain, say
from deploy.provision import nats_server
from deploy.provision.ca import ensure_certificates
from deploy.provision.home import Home
from deploy.provision.secret_files import ensure_secrets
from deploy.provision.topology import IDENTITIES


def main(environment: Mapping[str, str]) -> int:
    """Returns the exit code."""
    now = datetime.now(UTC)
    home = Home(addresses.PRIVATE)
    urls = PublicUrls(issuer=environment["LATCHKEY_ISSUER"], client_edge=environment["LATCHKEY_CLIENT_EDGE_URL"])
    try:
        written = prepare(home, now=now)
        hand_out(home, addresses.HANDOUT, urls)
    except PermissionError as error:
        complain(f"{error.filename} cannot be written: remove the volumes and begin anew, or give them to this user")
        return 1
    say(f"latchkey: new certificates: {', '.join(written)}" if written else "latchkey: all certificates stand")
    say("latchkey: every container has what is its own")
    return 0


def prepare(home: Home, *, now: datetime) -> list[str]:
    """Makes what is missing in the home and renews what is about to expire; returns the certificates written."""
    home.make_folders()
    written = ensure_certificates(home.tls, IDENTITIES, now=now)
    ensure_secrets(home)
    nats_server.prepare(home, port=addresses.NATS_PORT, now=now)
    return written


if __name__ == "__main__":
    sys.exit(main(os.environ))
