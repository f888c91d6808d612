"""A user exports their data."""

from services.authentication.domain.accounts.account import Account
from services.authentication.ports.work import View
from services.authentication.usecases.sessions.own_sessions import RequireSession


class ExportAccount:
    def __init__(self, *, view: View, require_session: RequireSession) -> None:
        self._view = view
        self._require_session = require_session

    async def __call__(self, session_secret: str) -> dict[str, object]:
        """Returns the data of the signed-in user by table, without secrets.

        Raises:
            AccessDenied: SESSION_MISSING, REAUTHENTICATION_REQUIRED.
        """
        async with self._view() as view:
            account = (await self._require_session.recently(view, session_secret)).account
            beside = await view.exports.of_user(account.id)
        return {**_account(account), **{name: list(rows) for name, rows in beside.items()}}


def _account(account: Account) -> dict[str, object]:
    return {
        "sub": account.id,
        "username": account.username,
        "created_at": account.created_at.isoformat(timespec="seconds"),
        "claims": account.claims(),
    }
