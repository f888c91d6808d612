"""Implementations of ports that use another service, a file, a cache or a URL; no SQL."""
