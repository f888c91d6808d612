"""Metrics, the file with key-encryption keys, and the in-memory view of signing keys. Vault is in wrappings."""
