"""Rules of sessions, their lifetimes and their origins; no storage."""
