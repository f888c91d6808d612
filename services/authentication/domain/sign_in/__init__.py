"""Rules of sign-in attempts and throttling; no storage."""
