"""The data that a page shows about a pending authorization request."""

from dataclasses import dataclass

from services.token.domain.clients.client import Client


@dataclass(frozen=True)
class InteractionPage:
    client: Client
    scopes: tuple[str, ...]
    login_hint: str
    ui_locales: tuple[str, ...]
    correlation_id: str
    redirect_origin: str
    resources: tuple[str, ...] = ()
