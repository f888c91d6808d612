"""A client's sector is what it says (OpenID Connect Dynamic Client Registration 1.0, 5), and its subjects will stay."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from libs.oauth.client_metadata import ClientMetadata
from libs.oauth.errors import InvalidClientMetadata, InvalidRequest, ServerError
from libs.oauth.reasons import Reason
from libs.oauth.sectors import require_listed
from services.token.domain.tokens.subjects import Subjects
from services.token.ports.work import Writer

FetchSectorDocument = Callable[[str], Awaitable[bytes | None]]
"""Fetches the document at a sector_identifier_uri; None when it could not be fetched."""


@dataclass(frozen=True)
class CheckedSector:
    """These redirect URIs may stand beside this sector_identifier_uri; made by CheckSector only."""

    sector_identifier_uri: str
    redirect_uris: tuple[str, ...]

    @classmethod
    def of(cls, metadata: ClientMetadata) -> Self:
        return cls(metadata.sector_identifier_uri, metadata.redirect_uris)

    @property
    def needs_no_document(self) -> bool:
        return not self.sector_identifier_uri


def must_fetch(metadata: ClientMetadata, before: ClientMetadata | None) -> bool:
    """Is there a document that was not looked at for these very redirect URIs when the client was kept?"""
    sector = CheckedSector.of(metadata)
    return not sector.needs_no_document and (before is None or CheckedSector.of(before) != sector)


@dataclass(frozen=True, kw_only=True)
class CheckSector:
    fetch: FetchSectorDocument
    subjects: Subjects

    async def __call__(self, metadata: ClientMetadata, *, before: ClientMetadata | None = None) -> CheckedSector:
        """Fetches the document, if that has to be: outside of any transaction, for others are waited for.

        Raises:
            InvalidClientMetadata: the document could not be fetched, or does not list every redirect URI.
        """
        if must_fetch(metadata, before):
            document = await self.fetch(metadata.sector_identifier_uri)
            if document is None:
                raise InvalidClientMetadata(
                    "sector_identifier_uri could not be fetched.", reason=Reason.SECTOR_UNREACHABLE
                )
            require_listed(document, metadata.redirect_uris)
        return CheckedSector.of(metadata)

    async def hold(self, work: Writer, metadata: ClientMetadata, checked: CheckedSector, *, now: datetime) -> None:
        """What is about to be kept is what was checked; and from the first pairwise client on there is one salt.

        Raises:
            InvalidRequest: the client was changed while the document was on its way.
            ServerError: this replica has another salt.
        """
        if checked != CheckedSector.of(metadata):
            raise InvalidRequest(
                "The client was changed by a concurrent request. Retry the request.",
                reason=Reason.CLIENT_CHANGED_MEANWHILE,
            )
        if not metadata.sector:
            return
        if not self.subjects.has_fingerprint(await work.pairwise_salt.keep(self.subjects.fingerprint, now=now)):
            raise ServerError(reason=Reason.PAIRWISE_SALT_CHANGED)
