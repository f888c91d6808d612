"""Rules of second factors and passkeys; no storage."""
