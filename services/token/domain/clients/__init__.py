"""Rules of clients, their secrets, assertions and registrations; no storage."""
