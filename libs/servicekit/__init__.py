"""What every service stands on: configuration, life cycle, gRPC, SQL, the outbox, the bus, health and logs."""
