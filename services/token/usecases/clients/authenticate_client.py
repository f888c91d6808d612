"""Which client a request comes from: the same at every endpoint that only clients may call (RFC 6749 2.3)."""

from collections.abc import Collection, Sequence
from datetime import datetime

from prometheus_client import Counter

from libs.crypto.jwt import UnverifiedJwt
from libs.crypto.secret_jwt import is_made_with
from libs.oauth.client_authentication import PRIVATE_KEY_JWT, Credentials
from libs.oauth.errors import InvalidClient, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from libs.servicekit.base import logs
from services.token.domain.clients.client import Client
from services.token.domain.clients.client_assertions import ASSERTION_TYPES, judge_assertion
from services.token.domain.clients.client_secrets import open_secrets, renewed
from services.token.ports.clients import ClientDirectory, SignedByClients
from services.token.ports.work import Begin

RENEWED = Counter("latchkey_client_secrets_renewed_total", "Client secrets that were rehashed with the current pepper.")
_log = logs.get(__name__)


class AuthenticateClient:
    """`audiences`: what a client may call us in its assertion."""

    def __init__(
        self,
        begin: Begin,
        *,
        clients: ClientDirectory,
        signed: SignedByClients,
        peppers: Sequence[bytes],
        issuer: str,
        audiences: Collection[str],
    ) -> None:
        self._begin = begin
        self._clients = clients
        self._signed = signed
        self._peppers = peppers
        self._issuer = issuer
        self._audiences = frozenset(audiences)

    async def __call__(self, credentials: Credentials, *, now: datetime) -> Client:
        """The client that the credentials prove. Raises InvalidClient."""
        client = await self._clients.find(credentials.client_id)
        if client is None:
            raise InvalidClient(reason=Reason.CLIENT_UNKNOWN)
        client.authenticate(credentials, peppers=self._peppers, now=now)
        await self._renew(client, credentials.secret)
        if credentials.assertion is not None:
            await self._verify_assertion(credentials.assertion, client, now=now)
        return client

    async def _verify_assertion(self, assertion: UnverifiedJwt, client: Client, *, now: datetime) -> None:
        """Signed by a key of the client's, and never seen before (RFC 7523 3). One write, and none for a wrong one."""
        metadata, alg = client.metadata, assertion.header.get("alg")
        if str(assertion.header.get("typ", "")).lower() not in ASSERTION_TYPES:
            raise InvalidClient(
                "The client_assertion typ must be JWT or client-authentication+jwt.",
                reason=Reason.CLIENT_ASSERTION_ANOTHER_KIND,
            )
        if alg not in metadata.profile.algorithms:
            raise InvalidClient(
                f"The client_assertion alg must be one of {', '.join(sorted(metadata.profile.algorithms))}.",
                reason=Reason.CLIENT_ASSERTION_ALG,
            )
        if alg != (metadata.token_endpoint_auth_signing_alg or alg):
            raise InvalidClient(
                "The client_assertion alg does not match token_endpoint_auth_signing_alg.",
                reason=Reason.CLIENT_ASSERTION_ALG,
            )
        claims = await self._signed_claims(assertion, client, now=now)
        if claims is None:
            raise InvalidClient(
                "The client_assertion signature does not match a registered key or secret of this client.",
                reason=Reason.CLIENT_ASSERTION_SIGNATURE,
            )
        used = judge_assertion(
            claims,
            client_id=client.client_id,
            issuer=self._issuer,
            audiences=self._audiences,
            profile=metadata.profile,
            now=now,
        )
        async with self._begin() as work:
            is_new = await work.assertions.use(used)
        if not is_new:
            raise InvalidClient(
                "client_assertion has already been used: jti must be unique (RFC 7523 3).",
                reason=Reason.CLIENT_ASSERTION_REPLAYED,
            )

    async def _signed_claims(
        self, assertion: UnverifiedJwt, client: Client, *, now: datetime
    ) -> dict[str, object] | None:
        if client.metadata.token_endpoint_auth_method == PRIVATE_KEY_JWT:
            return await self._signed.verified(assertion, client.metadata)
        secrets = open_secrets(self._peppers, client, now=now)
        # Every secret is tried, so that the time taken does not tell which one it was.
        made = [secret for secret in secrets if is_made_with(assertion, secret)]
        for secret in made:
            await self._renew(client, secret)
        return assertion.claims if made else None

    async def _renew(self, client: Client, secret: str) -> None:
        """Once for each secret after the pepper was replaced: afterwards the former one is not needed for it."""
        if len(self._peppers) == 1 or not secret or renewed(self._peppers, client, secret) is None:
            return
        try:
            async with self._begin() as work:
                present = await work.clients.find_for_update(client.client_id)
                changed = renewed(self._peppers, present, secret) if present is not None else None
                if changed is not None:
                    await work.clients.save(changed)
        except TemporarilyUnavailable as error:  # the client is who it says; another time, then
            _log.info(
                "client_secret.rehash_postponed",
                message="Client secret was not rehashed with the current pepper",
                client_id=client.client_id,
                reason=error.reason,
            )
            return
        self._clients.forget()
        RENEWED.inc()
