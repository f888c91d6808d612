"""The operations of the authentication service, one class each, on ports; no SQL or gRPC."""
