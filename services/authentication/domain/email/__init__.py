"""Kinds of emails, their links and their limits; no storage."""
