"""Runtime shared by the services: settings, life cycle, gRPC, HTTP, SQL, events, NATS and logs. No domain logic."""
