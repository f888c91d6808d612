"""The HTTP edge: the stream of events for browsers. Webhooks are sent by adapters."""
