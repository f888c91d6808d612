"""Authorization requests as JWTs, by value and by reference (OpenID Connect Core 6, RFC 9101)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.crypto.errors import InvalidJwt
from libs.crypto.jwt import UnverifiedJwt
from libs.crypto.unsigned_jwt import unsigned_claims
from libs.oauth.client_metadata import UNSIGNED
from libs.oauth.errors import InvalidRequest, InvalidRequestObject, InvalidRequestUri
from libs.oauth.parameters import Parameters
from libs.oauth.reasons import Reason
from services.token.domain.authorization.request_objects import judge_request_object, merged
from services.token.domain.clients.client import Client
from services.token.ports.clients import SignedByClients

FetchRequestObject = Callable[[str], Awaitable[str | None]]
"""Fetches the document at a request_uri; None when it could not be fetched."""
_TYPES = frozenset({"", "jwt", "oauth-authz-req+jwt"})


@dataclass(frozen=True, kw_only=True)
class ReadRequestObject:
    issuer: str
    signed: SignedByClients
    fetch: FetchRequestObject

    async def __call__(self, parameters: Parameters, client: Client, *, now: datetime) -> Parameters:
        """The request that is meant; what came, when there is no request object.

        Raises:
            InvalidRequest, InvalidRequestObject, InvalidRequestUri: redirectable, to wherever what came leads.
        """
        text = await self._text(parameters, client)
        if text is None:
            return parameters
        claims = await self._claims(text, client)
        judge_request_object(
            claims,
            client_id=client.client_id,
            issuer=self.issuer,
            profile=client.metadata.profile,
            now=now,
        )
        return merged(parameters, claims)

    async def _text(self, parameters: Parameters, client: Client) -> str | None:
        by_value, uri = parameters.get("request"), parameters.get("request_uri")
        if by_value is not None and uri is not None:
            raise InvalidRequest("request and request_uri cannot be combined.", reason=Reason.REQUEST_OBJECT_TWICE)
        if uri is None:
            return by_value
        # Compared with its fragment, which may look like a hash and is none (OpenID Connect Core 6.2).
        if uri not in client.metadata.request_uris:
            raise InvalidRequestUri(
                "request_uri is not registered for this client.", reason=Reason.REQUEST_URI_UNREGISTERED
            )
        fetched = await self.fetch(uri)
        if fetched is None:
            raise InvalidRequestUri("request_uri could not be fetched.", reason=Reason.REQUEST_URI_UNREACHABLE)
        return fetched

    async def _claims(self, text: str, client: Client) -> dict[str, Any]:
        registered = client.metadata.request_object_signing_alg
        try:
            if registered == UNSIGNED:
                return unsigned_claims(text)
            token = UnverifiedJwt.parse(text)
        except InvalidJwt as fault:
            raise InvalidRequestObject(reason=Reason(f"REQUEST_OBJECT_{fault.reason}")) from None
        alg = token.header.get("alg")
        if alg not in client.metadata.profile.algorithms or (registered and alg != registered):
            raise InvalidRequestObject(
                "The request object alg does not match request_object_signing_alg.", reason=Reason.REQUEST_OBJECT_ALG
            )
        claims = await self.signed.verified(token, client.metadata, types=_TYPES)
        if claims is None:
            raise InvalidRequestObject(reason=Reason.REQUEST_OBJECT_SIGNATURE)
        return claims
