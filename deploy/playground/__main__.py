"""`python -m deploy.playground`: serve the playground on loopback until a signal comes."""

import logging
import sys
from datetime import UTC, datetime

from aiohttp import web

from deploy.playground.app import make_app
from deploy.playground.config import ConfigurationError, PlaygroundSettings, read_playground
from deploy.playground.event_feed import EventFeed

LOOPBACK = "127.0.0.1"


def main() -> int:
    """Exit code 1, and every fault in words, when the playground cannot start."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    settings = PlaygroundSettings()
    try:
        playground = read_playground(settings.home)
    except ConfigurationError as error:
        sys.stderr.write(f"The playground cannot start:\n{error}\n")
        return 1
    port = settings.playground_port or playground.port
    feed = EventFeed(playground.nats_url, playground.subscriber_creds)
    app = make_app(playground, feed, now=lambda: datetime.now(UTC))
    try:
        # No access log: the addresses that browsers come back to carry codes.
        web.run_app(app, host=LOOPBACK, port=port, access_log=None, shutdown_timeout=2, print=None)
    except OSError as error:
        sys.stderr.write(f"The playground cannot listen on port {port}: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
