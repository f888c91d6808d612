"""Webhooks, deliveries and filters as values: nothing here knows of SQL, gRPC or the time."""
