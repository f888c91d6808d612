"""Rules of authorization requests, request objects, interaction and devices; no storage."""
