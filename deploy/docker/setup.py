"""`python -m deploy.docker.setup`: creates certificates, NATS accounts, keys and passwords for the containers.

It uses the code of deploy/provision and a home in a volume that only this container mounts. A second run keeps existing
files and renews certificates that expire soon.
"""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from deploy.docker import addresses
from deploy.docker.handout import PublicUrls, hand_out
from deploy.provision import nats_server
from deploy.provision.ca import ensure_certificates
from deploy.provision.console import complain, say
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
        complain(f"{error.filename} cannot be written: remove the volumes, or change their owner to this user")
        return 1
    say(f"latchkey: new certificates: {', '.join(written)}" if written else "latchkey: all certificates are valid")
    say("latchkey: files of all containers written")
    return 0


def prepare(home: Home, *, now: datetime) -> list[str]:
    """Creates missing files in the home and renews certificates that expire soon; returns the certificates written."""
    home.make_folders()
    written = ensure_certificates(home.tls, IDENTITIES, now=now)
    ensure_secrets(home)
    nats_server.prepare(home, port=addresses.NATS_PORT, now=now)
    return written


if __name__ == "__main__":
    sys.exit(main(os.environ))
