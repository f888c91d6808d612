"""People, their passwords and the sessions of their browsers."""
