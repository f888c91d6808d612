"""The pages on which a user connects a device (RFC 8628 3.3); the device's own endpoints belong to token."""
