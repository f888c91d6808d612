"""The vocabulary of OAuth 2.0 and OpenID Connect: pure functions and values, no I/O and no clock of their own."""
