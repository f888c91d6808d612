"""Implementations of ports that use a mail server, a file, a URL or a thread pool; no SQL."""
