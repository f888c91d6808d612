"""The rules of the authentication service as values and pure functions; no input or output."""
