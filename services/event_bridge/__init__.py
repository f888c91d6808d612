"""Events for those outside of the bus: signed webhooks, and a stream for browsers."""
