"""Tables of sessions."""
