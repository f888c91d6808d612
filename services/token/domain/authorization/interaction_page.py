"""What a page about a waiting request has to say to the person."""

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
