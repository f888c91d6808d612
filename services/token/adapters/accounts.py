"""The Accounts port: GetAccount of the authentication service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict

from latchkey.authentication.v1 import accounts_pb2
from libs.servicekit.grpc.timestamps import datetime_of

if TYPE_CHECKING:  # the stubs know the asynchronous face, the module has one for both
    from latchkey.authentication.v1.accounts_pb2_grpc import AccountServiceAsyncStub


@dataclass(frozen=True)
class RemoteAccount:
    active: bool
    session_live: bool
    claims: Mapping[str, Any]
    grants_not_before: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class RemoteAccounts:
    stub: "AccountServiceAsyncStub"

    async def find(self, *, user_id: str, session_id: str, claims: Sequence[str]) -> RemoteAccount | None:
        """One call. Raises OAuthError when the service cannot be reached: then no token is given."""
        response = await self.stub.GetAccount(
            accounts_pb2.GetAccountRequest(user_id=user_id, session_id=session_id, claims=claims)
        )
        if response.state == accounts_pb2.ACCOUNT_STATE_UNSPECIFIED:
            return None
        return RemoteAccount(
            active=response.state == accounts_pb2.ACCOUNT_STATE_ACTIVE,
            session_live=response.session_live,
            claims=_json_claims(response),
            # A version without this field refuses no grant for its age; its events do that.
            grants_not_before=(
                datetime_of(response.grants_not_before) if response.HasField("grants_not_before") else None
            ),
        )


def _json_claims(response: accounts_pb2.GetAccountResponse) -> dict[str, Any]:
    """Struct knows only doubles; a whole number is meant as one (`updated_at`)."""
    claims: dict[str, Any] = MessageToDict(response.claims)
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in claims.items()
    }
