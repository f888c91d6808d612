"""Outbound requests to URLs of clients and operators, protected against server-side request forgery (SSRF).

    url          strict URL parsing
    addresses    classification of IP addresses: public, private, forbidden
    policy       hosts, ports and limits that the operator permits
    resolver     name resolution with a time limit
    slots        limits of concurrent fetches
    connection   an HTTP client that connects to the checked addresses only
    fetcher      GET a small document, POST a form or a body
    documents    a cache of documents, such as the key sets of clients

All requests to `jwks_uri`, `request_uri`, `sector_identifier_uri`, `backchannel_logout_uri` and webhooks use this
package (OpenID Connect Core 6.2, RFC 9101 10.4).
"""
