"""Tables of sign-in attempts and failures."""
