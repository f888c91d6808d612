"""Rules about users, their claims, factors and sessions. No I/O."""
