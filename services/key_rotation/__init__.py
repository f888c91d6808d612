"""Signing keys: made, sealed at rest, published, and handed to the token service alone."""
