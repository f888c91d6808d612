"""Delivers events over HTTP: signed webhooks and a stream for browsers. Owns no users, clients or tokens."""
