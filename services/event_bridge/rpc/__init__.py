"""The gRPC services for the CLI, one module each, with their conversions."""
