"""Tables of second factors, passkeys and recovery codes."""
