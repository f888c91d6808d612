"""One class for each grant type of the token endpoint."""
