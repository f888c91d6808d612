"""The SQL tables and repositories of this service."""
