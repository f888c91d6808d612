"""NATS, HTTP requests to receivers, and background tasks. The store is elsewhere."""
