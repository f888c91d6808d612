"""Signing keys: creation, encryption at rest, publication and rotation. Owns no users, clients or tokens."""
