"""Device codes as values: nothing here knows of SQL, gRPC or the time."""
