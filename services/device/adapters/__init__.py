"""In-memory state of this process and events of other replicas. The store and gRPC are elsewhere."""
