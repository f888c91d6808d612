"""The HTTP edge: the stream of events for browsers."""
