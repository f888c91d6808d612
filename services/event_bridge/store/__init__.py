"""SQL: the rows of this service."""
