"""Outbound requests to addresses that others choose, without becoming their way into our network (SSRF).

    url          what a URL may look like: one notation per meaning
    addresses    which addresses are public
    policy       what an operator allows
    resolver     names to addresses, in bounded time
    slots        how many fetches run at once
    connection   a client that reaches the judged addresses and nothing else
    fetcher      the two requests: GET a small document, POST a form
    documents    documents kept for a short while, such as the key sets of clients

Everything that fetches `jwks_uri`, `request_uri`, `sector_identifier_uri` or posts to a `backchannel_logout_uri` does
it through here (OIDC Core 6.2, RFC 9101 10.4).
"""
