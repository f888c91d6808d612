"""Values and rules of signing keys. Imports no SQL, gRPC or clock."""
