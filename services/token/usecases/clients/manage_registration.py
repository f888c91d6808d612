"""Reads, updates and deletes a dynamic registration (RFC 7592 2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from libs.oauth.client_metadata import ClientMetadata
from libs.oauth.errors import InvalidClientMetadata, InvalidRequest, InvalidToken
from libs.oauth.reasons import Reason
from libs.oauth.registration import RegistrationPolicy
from libs.servicekit.base.clock import Clock
from libs.servicekit.base.limits import Limit, require_room
from services.token.domain.clients.client import Client
from services.token.domain.clients.client_secrets import NewSecret
from services.token.domain.clients.registrations import REGISTRATION_WINDOW
from services.token.ports.clients import ClientDirectory
from services.token.ports.work import Begin, View, Writer
from services.token.usecases.clients.check_sector import CheckedSector, must_fetch
from services.token.usecases.clients.delete_client import DeleteClient
from services.token.usecases.clients.update_client import UpdateClient

CHANGES_PER_HOUR = 60
"""Of one client: each makes all replicas look at all clients afresh."""


@dataclass(frozen=True, kw_only=True)
class ReadRegistration:
    view: View

    async def __call__(self, client_id: str, token: str | None) -> Client:
        """The client as it is. Raises InvalidToken, alike for a wrong token and for a client that there is not."""
        async with self.view() as view:
            return _managed(await view.clients.find(client_id), token)


class ChangeRegistration:
    def __init__(
        self,
        begin: Begin,
        view: View,
        update: UpdateClient,
        *,
        policy: RegistrationPolicy,
        peppers: Sequence[bytes],
        directory: ClientDirectory,
        clock: Clock,
    ) -> None:
        self._begin = begin
        self._read = ReadRegistration(view=view)
        self._update = update
        self._policy = policy
        self._peppers = peppers
        self._directory = directory
        self._clock = clock

    async def __call__(self, client_id: str, token: str | None, members: Mapping[str, Any]) -> NewSecret:
        """Replaces all that the client may set (RFC 7592 2.2). Returns a secret if the client now needs one.

        Raises:
            InvalidToken: as `ReadRegistration`.
            InvalidClientMetadata, InvalidRedirectUri: a value is invalid; another client's id; a secret that is
                not the client's own.
            TemporarilyUnavailable: too many changes within an hour.
        """
        now = self._clock.now()
        checked = await self._check_sector(await self._read(client_id, token), members, now=now)
        async with self._begin() as work:
            client = _managed(await work.clients.find_for_update(client_id), token)
            self._require_itself(client, members, now=now)
            await _require_room(work, client_id, now=now)
            metadata = self._policy.read(members, before=client.metadata)
            changed = await self._update.save(work, client, metadata, checked, by="itself")
            if _looks_different_to_users(client.metadata, metadata):
                await work.consents.forget_client(client_id)
        self._directory.forget()
        return changed

    async def _check_sector(self, client: Client, members: Mapping[str, Any], *, now: datetime) -> CheckedSector:
        """Each fetch is one of the client's changes, whatever comes of it."""
        metadata = self._policy.read(members, before=client.metadata)
        if must_fetch(metadata, client.metadata):
            async with self._begin() as work:
                await _require_room(work, client.client_id, now=now)
        return await self._update.check_sector(metadata, before=client.metadata)

    def _require_itself(self, client: Client, members: Mapping[str, Any], *, now: datetime) -> None:
        """RFC 7592 2.2: the id is sent again; a secret may be, but cannot be chosen."""
        if members.get("client_id") != client.client_id:
            raise InvalidClientMetadata(
                "client_id must be the client_id in the registration URL (RFC 7592 2.2).",
                reason=Reason.REGISTRATION_CLIENT_ID,
            )
        secret = members.get("client_secret")
        if secret is not None and not (
            isinstance(secret, str) and client.knows_secret(secret, peppers=self._peppers, now=now)
        ):
            raise InvalidClientMetadata(
                "client_secret must match the current secret of the client (RFC 7592 2.2).",
                reason=Reason.REGISTRATION_CLIENT_SECRET,
            )


class DeleteRegistration:
    def __init__(self, view: View, delete: DeleteClient) -> None:
        self._read = ReadRegistration(view=view)
        self._delete = delete

    async def __call__(self, client_id: str, token: str | None) -> None:
        """The client goes, with all that was issued to it (RFC 7592 2.3). Raises InvalidToken as `ReadRegistration`."""
        await self._read(client_id, token)
        try:
            await self._delete(client_id, by="itself")
        except InvalidRequest:  # a concurrent request deleted the client
            raise _refused() from None


def _managed(client: Client | None, token: str | None) -> Client:
    if client is None or client.registration is None or not client.registration.belongs_to(token or ""):
        raise _refused()
    return client


def _looks_different_to_users(before: ClientMetadata, after: ClientMetadata) -> bool:
    """Return whether users must consent again: name, logo or redirect URIs changed."""
    shown = (before.client_name, before.logo_uri) == (after.client_name, after.logo_uri)
    return not shown or not set(after.redirect_uris) <= set(before.redirect_uris)


async def _require_room(work: Writer, client_id: str, *, now: datetime) -> None:
    limits = (Limit(f"registration {client_id}", CHANGES_PER_HOUR, Reason.REGISTRATION_CHANGES),)
    counted = await work.tallies.add([limits[0].key], window=REGISTRATION_WINDOW, now=now)
    require_room(limits, counted, window=REGISTRATION_WINDOW, now=now, room=0)


def _refused() -> InvalidToken:
    return InvalidToken(
        "The registration access token is missing or invalid.", reason=Reason.REGISTRATION_ACCESS_TOKEN_WRONG
    )
