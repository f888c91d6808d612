"""The playground: a small relying party that shows, step by step, what it says to Latchkey and what it gets back.

It uses the client library Authlib unmodified and knows nothing of Latchkey but what every client may know: the
issuer's address, a client id and secret, and an account that may read the event streams.
"""
