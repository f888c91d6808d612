"""Values and rules of webhooks, deliveries and filters. Imports no SQL, gRPC or clock."""
