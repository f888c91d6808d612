"""Values and rules of device codes. Imports no SQL, gRPC or clock."""
