"""The gRPC services of the token service and the conversions of their messages; no business rules."""
