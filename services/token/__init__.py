"""Token service: issues, verifies and revokes codes, grants and tokens, and manages clients and consents."""
