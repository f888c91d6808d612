"""The use cases of this service, one per module. They use ports and the domain, no SQL and no gRPC."""
