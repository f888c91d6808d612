"""Tables of clients, used assertions and initial access tokens."""
