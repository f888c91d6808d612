"""How somebody proved who they are, as `acr` says it (OpenID Connect Core 2)."""

PASSWORD = "urn:latchkey:acr:password"
SUPPORTED = (PASSWORD,)
