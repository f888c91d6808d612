"""Tables of pending requests, pushed requests and consents."""
