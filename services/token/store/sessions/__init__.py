"""Tables of session clients and logout deliveries."""
