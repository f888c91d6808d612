"""Tables of grants, codes, tokens, revocations and retired key uses."""
