"""Rules of grants, tokens, claims, audiences and subject identifiers; no storage."""
