"""The rules of the token service as values and pure functions; no input or output."""
