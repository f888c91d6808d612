"""How often strangers may have emails sent: nobody's mailbox is filled, and nobody's mail server is used up.

The window is as long as a link lives. So whoever is not sent another email has one with a link that still works, and
no stranger keeps a user from a new password by asking before them. What counts is kept under digests.
"""

from datetime import timedelta

from services.authentication.domain.email.links import LIFETIME

WINDOW: timedelta = LIFETIME
PER_RECEIVER = 3
"""Letters for one name or address."""
PER_NETWORK = 20
"""Requests from one /24 or /48. A private one stands for many users, or for all, and has no limit of its own."""
OVERALL = 5_000
"""Requests at all: what the mail server has to bear, and how far the table grows."""
