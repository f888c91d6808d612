"""The authorization endpoint, the consent page and authorization responses; which step comes next, token decides."""
