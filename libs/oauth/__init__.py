"""Terms and rules of OAuth 2.0 and OpenID Connect: pure functions and values, no I/O, no clock."""
