"""The gRPC services, one module per proto file, with their conversions."""
