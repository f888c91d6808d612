"""Key-encryption keys in a file, in Vault or in a security module. The keys that they encrypt are in the store."""
