"""The gRPC services of the authentication service and the conversions of their messages; no business rules."""
