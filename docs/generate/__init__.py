"""The generated pages of docs/: read from the contract, the settings and the tests, so that they cannot go stale."""
