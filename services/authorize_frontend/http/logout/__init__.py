"""The end session endpoint and the session check frame; back-channel logout belongs to token."""
