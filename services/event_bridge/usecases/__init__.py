"""The use cases of this service. They use ports and the domain, no SQL, gRPC, HTTP or NATS."""
