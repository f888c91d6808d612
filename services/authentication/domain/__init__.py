"""People, their names, their claims and their sessions: pure rules, no I/O."""
