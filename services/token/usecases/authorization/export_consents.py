"""Exports the consents and grants of a user."""

from dataclasses import dataclass

from services.token.ports.clients import ClientDirectory
from services.token.ports.work import View


@dataclass(frozen=True, kw_only=True)
class ExportConsents:
    view: View
    clients: ClientDirectory

    async def __call__(self, user_id: str) -> dict[str, object]:
        """Return the stored data of the user by table, with the names of the clients."""
        async with self.view() as view:
            found = await view.exports.of_user(user_id)
        ids = sorted({str(row["client_id"]) for rows in found.values() for row in rows})
        clients = {client_id: await self.clients.find(client_id) for client_id in ids}
        names = {client_id: client.metadata.client_name for client_id, client in clients.items() if client is not None}
        return {"applications": names, **{table: list(rows) for table, rows in found.items()}}
