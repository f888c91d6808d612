"""What can go wrong with a subscription, each with a message that says what to do about it.

LatchkeyError
 +- BusUnreachable      no NATS server answers
 +- AccessRefused       the credentials are not accepted, or do not permit this
 +- SubscriptionFailed  the stream is not there, or the durable consumer is about something else
"""


class LatchkeyError(Exception):
    """The message is one sentence, fit for a terminal."""


class BusUnreachable(LatchkeyError):
    """No server could be reached in time, or the connection is closed for good."""


class AccessRefused(LatchkeyError):
    """The server does not accept the credentials, or they do not permit what was tried."""


class SubscriptionFailed(LatchkeyError):
    """JetStream cannot serve this subscription, now or ever."""
