"""Limits on emails that unauthenticated requests can cause.

The window is as long as a link is valid. So a user who is sent no further email has one with a valid link, and
other requests cannot prevent a password reset. Counters are stored under digests.
"""

from datetime import timedelta

from services.authentication.domain.email.links import LIFETIME

WINDOW: timedelta = LIFETIME
PER_RECEIVER = 3
"""Emails for one name or address."""
PER_NETWORK = 20
"""Requests from one /24 or /48. A private one stands for many users, or for all, and has no limit of its own."""
OVERALL = 5_000
"""Requests in total: limits the load of the mail server and the size of the table."""
