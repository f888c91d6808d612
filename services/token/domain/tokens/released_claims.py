"""Which claims about the user a client gets in tokens, beside those at userinfo."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from libs.oauth.attributes import Attributes
from libs.oauth.claims_request import SID
from libs.oauth.client_metadata import ClientMetadata
from libs.oauth.scopes import claims_of


@dataclass(frozen=True, kw_only=True)
class ReleasedClaims:
    """Names of claims. Only granted scopes release a claim, whatever the client has registered."""

    id_token: tuple[str, ...]
    """OpenID Connect Core 5.4 and 5.5: requested by name, or of a granted scope (`claims_in_id_token`)."""
    access_token: tuple[str, ...]
    """RFC 9068 2.2.3: those of `claims_in_access_token`."""

    @classmethod
    def of(
        cls,
        metadata: ClientMetadata,
        *,
        scopes: tuple[str, ...],
        requested: tuple[str, ...],
        attributes: Attributes,
    ) -> "ReleasedClaims":
        """Return what the granted scopes release to this client. `requested`: by the `claims` parameter."""
        of_scopes = (*claims_of(scopes), *attributes.of(scopes))
        in_id_token = of_scopes if metadata.claims_in_id_token else ()
        about_user = (name for name in requested if name != SID)
        return cls(
            id_token=tuple(dict.fromkeys((*in_id_token, *about_user))),
            access_token=tuple(name for name in metadata.claims_in_access_token if name in of_scopes),
        )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.id_token, *self.access_token)))

    def for_id_token(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        return {name: claims[name] for name in self.id_token if name in claims}

    def for_access_token(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        return {name: claims[name] for name in self.access_token if name in claims}
