"""Device codes (RFC 8628) and their state machine. Owns no clients, users or tokens."""
