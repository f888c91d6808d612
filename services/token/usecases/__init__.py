"""The operations of the token service, one class each, on ports; no SQL, HTTP or gRPC."""
