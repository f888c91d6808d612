"""Who an access token is for: the resources that were named, or this server's own APIs (RFC 8707 2, RFC 9068 3)."""

from dataclasses import dataclass

from libs.oauth.errors import InvalidTarget, name_values
from libs.oauth.parameters import RESOURCE, Parameters
from libs.oauth.reasons import Reason
from libs.oauth.resources import parse_resources
from libs.oauth.scopes import OPENID
from services.token.domain.clients.client import Client
from services.token.domain.tokens.grants import Grant


def requested_resources(parameters: Parameters, client: Client) -> tuple[str, ...]:
    """What a request that begins something names.

    Raises:
        InvalidTarget: malformed, or a resource that the client has not registered.
    """
    resources = parse_resources(parameters.get(RESOURCE, ""))
    missing = [resource for resource in resources if resource not in client.metadata.resources]
    if missing:
        raise InvalidTarget(
            name_values("resource contains values that are not registered for this client", missing),
            reason=Reason.RESOURCE_NOT_REGISTERED,
        )
    return resources


@dataclass(frozen=True)
class Audiences:
    """The audiences of this server. `issuer`: for tokens without a resource; `userinfo`: the userinfo endpoint only."""

    issuer: str
    userinfo: str

    def of_request(
        self, parameters: Parameters, client: Client, *, grant: Grant | None, scopes: tuple[str, ...]
    ) -> tuple[str, ...]:
        """For a token request: exactly the resources that it names, otherwise all that may be had (RFC 8707 2.2).

        Raises:
            InvalidTarget: malformed, more than was granted or registered, or nothing is left of what was granted.
        """
        requested = parse_resources(parameters.get(RESOURCE, ""))
        whole = (
            self.of_grant(grant.resources, client, userinfo_claims=grant.userinfo_claims) if grant else (self.issuer,)
        )
        permitted = {*whole} if grant else {self.issuer, *client.metadata.resources}
        if self.issuer in whole or OPENID in scopes:
            permitted.add(self.userinfo)
        if not whole:
            raise InvalidTarget(
                "None of the granted resources is still registered for this client.", reason=Reason.RESOURCE_WIDENED
            )
        excess = [resource for resource in requested if resource not in permitted]
        if excess:
            raise InvalidTarget(
                name_values("resource contains values that were not granted", excess), reason=Reason.RESOURCE_WIDENED
            )
        return requested or whole

    def of_grant(
        self, granted: tuple[str, ...], client: Client, *, userinfo_claims: tuple[str, ...]
    ) -> tuple[str, ...]:
        """What was granted, as far as the client is still registered for it; the issuer where nothing was named.

        With userinfo claims that were requested by name also userinfo. Otherwise the resource servers that get the
        token could read the user's claims; a client that needs them names the userinfo endpoint as `resource`.
        """
        if not granted:
            return (self.issuer,)
        left = tuple(resource for resource in granted if resource in client.metadata.resources)
        return (*left, self.userinfo) if left and userinfo_claims and self.userinfo not in left else left

    def reach_userinfo(self, audience: object) -> bool:
        """Is a token with this `aud` one for userinfo?"""
        named = audience if isinstance(audience, list) else [audience]
        return self.issuer in named or self.userinfo in named
