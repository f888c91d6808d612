"""Authentication service: users, their passwords, second factors and sessions; it issues no tokens."""
