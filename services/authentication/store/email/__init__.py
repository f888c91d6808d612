"""Tables of queued emails and mailed links."""
