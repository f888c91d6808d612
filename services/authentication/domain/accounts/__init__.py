"""Rules of accounts, usernames, claims and email addresses; no storage."""
