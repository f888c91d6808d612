"""Admin services that store their data in memory."""

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from latchkey.authentication.v1 import accounts_pb2, sessions_pb2
from latchkey.authentication.v1 import admin_pb2 as users_pb2
from latchkey.authentication.v1.admin_pb2_grpc import UserAdminServiceServicer
from latchkey.keys.v1 import admin_pb2, keys_pb2
from latchkey.keys.v1.admin_pb2_grpc import KeyAdminServiceServicer
from latchkey.keys.v1.keys_pb2_grpc import VerificationKeyServiceServicer
from latchkey.token.v1 import admin_pb2 as clients_pb2
from latchkey.token.v1.admin_pb2_grpc import ClientAdminServiceServicer, GrantAdminServiceServicer
from libs.oauth.errors import InvalidClientMetadata, InvalidRequest
from libs.oauth.reasons import Reason

NOON = Timestamp(seconds=1_772_366_400)
PAGE = 2
"""Small, so that few items fill two pages."""


class Clients(ClientAdminServiceServicer):
    def __init__(self) -> None:
        self.kept: dict[str, clients_pb2.Client] = {}
        self.overlaps: list[int] = []
        self.initial_tokens: dict[str, clients_pb2.InitialAccessToken] = {}
        self.retired_key_uses: list[clients_pb2.FormerKeyUse] = []
        self._secrets = 0

    async def CreateClient(self, request: clients_pb2.CreateClientRequest, context: Any):
        if "redirect_uris" in request.metadata and not request.metadata["redirect_uris"]:
            raise InvalidClientMetadata("redirect_uris must contain at least one URI.")
        client = clients_pb2.Client(
            client_id=f"client-{len(self.kept) + 1}", metadata=request.metadata, created_at=NOON, updated_at=NOON
        )
        self.kept[client.client_id] = client
        public = dict(request.metadata).get("token_endpoint_auth_method") == "none"
        return clients_pb2.CreateClientResponse(client=client, client_secret="" if public else self._secret())

    async def ListClients(self, request: clients_pb2.ListClientsRequest, context: Any):
        start = int(request.page_token or 0)
        everybody = list(self.kept.values())
        following = start + PAGE
        return clients_pb2.ListClientsResponse(
            clients=everybody[start:following], next_page_token=str(following) if following < len(everybody) else ""
        )

    async def GetClient(self, request: clients_pb2.GetClientRequest, context: Any):
        return clients_pb2.GetClientResponse(client=self._known(request.client_id))

    async def UpdateClient(self, request: clients_pb2.UpdateClientRequest, context: Any):
        client = self._known(request.client_id)
        for name, value in request.metadata.fields.items():
            if value.HasField("null_value"):
                client.metadata.fields.pop(name, None)
            else:
                client.metadata.fields[name].CopyFrom(value)
        return clients_pb2.UpdateClientResponse(client=client)

    async def DeleteClient(self, request: clients_pb2.DeleteClientRequest, context: Any):
        del self.kept[self._known(request.client_id).client_id]
        return clients_pb2.DeleteClientResponse()

    async def RotateClientSecret(self, request: clients_pb2.RotateClientSecretRequest, context: Any):
        self._known(request.client_id)
        self.overlaps.append(request.overlap_seconds)
        return clients_pb2.RotateClientSecretResponse(client_secret=self._secret())

    async def CreateInitialAccessToken(self, request: clients_pb2.CreateInitialAccessTokenRequest, context: Any):
        record = clients_pb2.InitialAccessToken(
            token_id=f"token-{len(self.initial_tokens) + 1}",
            uses_left=request.uses,
            created_at=NOON,
            expires_at=Timestamp(seconds=NOON.seconds + request.lifetime_seconds),
        )
        self.initial_tokens[record.token_id] = record
        return clients_pb2.CreateInitialAccessTokenResponse(initial_access_token=record, token=self._secret())

    async def ListInitialAccessTokens(self, request: clients_pb2.ListInitialAccessTokensRequest, context: Any):
        return clients_pb2.ListInitialAccessTokensResponse(initial_access_tokens=self.initial_tokens.values())

    async def RevokeInitialAccessToken(self, request: clients_pb2.RevokeInitialAccessTokenRequest, context: Any):
        if self.initial_tokens.pop(request.token_id, None) is None:
            raise InvalidRequest(
                "There is no initial access token with this id.", reason=Reason.REGISTRATION_TOKEN_UNKNOWN
            )
        return clients_pb2.RevokeInitialAccessTokenResponse()

    async def ListFormerKeyUses(self, request: clients_pb2.ListFormerKeyUsesRequest, context: Any):
        return clients_pb2.ListFormerKeyUsesResponse(uses=self.retired_key_uses)

    def _known(self, client_id: str) -> clients_pb2.Client:
        if client_id not in self.kept:
            raise InvalidRequest("There is no client with this id.", reason=Reason.CLIENT_UNKNOWN)
        return self.kept[client_id]

    def _secret(self) -> str:
        self._secrets += 1
        return f"secret-{self._secrets}"


class Users(UserAdminServiceServicer):
    def __init__(self) -> None:
        self.imported: dict[str, str] = {}
        self.ignores_ids = False
        """As the version before 0.3.0."""
        self.kept: dict[str, users_pb2.User] = {}
        self.passwords: dict[str, str] = {}
        self.listed: list[users_pb2.ListUsersRequest] = []
        self.resets: list[tuple[str, str]] = []

    async def InviteUser(self, request: users_pb2.InviteUserRequest, context: Any):
        return users_pb2.InviteUserResponse(user=users_pb2.User(username=request.username, claims=request.claims))

    async def ImportUser(self, request: users_pb2.ImportUserRequest, context: Any):
        if request.username == "taken":
            raise InvalidRequest("username is already in use.", reason=Reason.USERNAME_TAKEN)
        known = request.username in self.imported
        if not request.dry_run:
            self.imported[request.username] = request.password_hash
        outcome = users_pb2.IMPORT_OUTCOME_UPDATED if request.update and known else users_pb2.IMPORT_OUTCOME_CREATED
        user_id = "chosen by the server" if self.ignores_ids else request.user_id
        user = users_pb2.User(username=request.username, user_id=user_id)
        return users_pb2.ImportUserResponse(user=user, outcome=outcome)

    async def CreateUser(self, request: users_pb2.CreateUserRequest, context: Any):
        if request.username in self.kept:
            raise InvalidRequest("username is already in use.", reason=Reason.USERNAME_TAKEN)
        user = users_pb2.User(
            user_id=f"user-{len(self.kept) + 1}",
            username=request.username,
            state=accounts_pb2.ACCOUNT_STATE_ACTIVE,
            created_at=NOON,
            claims=request.claims,
        )
        self.kept[request.username], self.passwords[request.username] = user, request.password
        return users_pb2.CreateUserResponse(user=user)

    async def ListUsers(self, request: users_pb2.ListUsersRequest, context: Any):
        self.listed.append(request)
        start = int(request.page_token or 0)
        everyone = list(self.kept.values())
        following = start + min(request.page_size, PAGE)
        return users_pb2.ListUsersResponse(
            users=everyone[start:following], next_page_token=str(following) if following < len(everyone) else ""
        )

    async def GetUser(self, request: users_pb2.GetUserRequest, context: Any):
        return users_pb2.GetUserResponse(user=self._known(request.username))

    async def UpdateUser(self, request: users_pb2.UpdateUserRequest, context: Any):
        user = self._known(request.username)
        for name, value in request.claims.fields.items():
            if value.WhichOneof("kind") == "null_value":
                del user.claims.fields[name]
            else:
                user.claims.fields[name].CopyFrom(value)
        return users_pb2.UpdateUserResponse(user=user)

    async def SetPassword(self, request: users_pb2.SetPasswordRequest, context: Any):
        self.passwords[self._known(request.username).username] = request.password
        return users_pb2.SetPasswordResponse()

    async def DisableUser(self, request: users_pb2.DisableUserRequest, context: Any):
        user = self._known(request.username)
        user.state = accounts_pb2.ACCOUNT_STATE_DISABLED
        return users_pb2.DisableUserResponse(user=user)

    async def EnableUser(self, request: users_pb2.EnableUserRequest, context: Any):
        user = self._known(request.username)
        user.state = accounts_pb2.ACCOUNT_STATE_ACTIVE
        return users_pb2.EnableUserResponse(user=user)

    async def DeleteUser(self, request: users_pb2.DeleteUserRequest, context: Any):
        return users_pb2.DeleteUserResponse(user_id=self.kept.pop(self._known(request.username).username).user_id)

    async def ListUserSessions(self, request: users_pb2.ListUserSessionsRequest, context: Any):
        sessions = [
            sessions_pb2.ListedSession(session_id=each, authenticated_at=NOON, last_seen_at=NOON)
            for each in ("s-1", "s-2")
        ]
        return users_pb2.ListUserSessionsResponse(user_id=self._known(request.username).user_id, sessions=sessions)

    async def EndUserSessions(self, request: users_pb2.EndUserSessionsRequest, context: Any):
        user_id = self._known(request.username).user_id
        return users_pb2.EndUserSessionsResponse(user_id=user_id, session_ids=request.session_ids or ["s-1", "s-2"])

    async def SendPasswordReset(self, request: users_pb2.SendPasswordResetRequest, context: Any):
        self.resets.append((self._known(request.username).username, request.locale))
        return users_pb2.SendPasswordResetResponse()

    async def ResetFactors(self, request: users_pb2.ResetFactorsRequest, context: Any):
        self._known(request.username)
        return users_pb2.ResetFactorsResponse(removed=2)

    def _known(self, username: str) -> users_pb2.User:
        if username not in self.kept:
            raise InvalidRequest("username is unknown.", reason=Reason.USER_UNKNOWN)
        return self.kept[username]


class Grants(GrantAdminServiceServicer):
    """Every user has one grant."""

    def __init__(self) -> None:
        self.revoked: list[tuple[str, str]] = []

    async def ListGrants(self, request: clients_pb2.ListGrantsRequest, context: Any):
        grant = clients_pb2.Grant(
            grant_id="g-1", client_id="c-1", client_name="Shop", scopes=["openid"], created_at=NOON, expires_at=NOON
        )
        return clients_pb2.ListGrantsResponse(grants=[grant])

    async def RevokeGrants(self, request: clients_pb2.RevokeGrantsRequest, context: Any):
        self.revoked.append((request.user_id, request.client_id))
        return clients_pb2.RevokeGrantsResponse(revoked=1)


class KeyAdmin(KeyAdminServiceServicer):
    """Keys of two algorithms; a rotation makes the next key active."""

    def __init__(self) -> None:
        self.kept = [
            admin_pb2.Key(
                kid=f"{alg}-{name}", alg=alg, state=state, published_at=NOON, activates_at=NOON, kek_version=1
            )
            for alg in ("ES256", "RS256")
            for name, state in (("a", keys_pb2.KEY_STATE_ACTIVE), ("b", keys_pb2.KEY_STATE_NEXT))
        ]
        self.revoked: list[tuple[str, int]] = []
        self.too_early = False

    async def ListKeys(self, request: admin_pb2.ListKeysRequest, context: Any):
        return admin_pb2.ListKeysResponse(keys=self.kept)

    async def RotateKeys(self, request: admin_pb2.RotateKeysRequest, context: Any):
        if request.alg not in {"", "ES256", "RS256"}:
            raise InvalidRequest("Nothing is signed with this algorithm.", reason=Reason.ALG_UNKNOWN)
        asked = [key for key in self.kept if request.alg in {"", key.alg}]
        for key in [] if self.too_early else asked:
            signs = key.state == keys_pb2.KEY_STATE_ACTIVE
            key.state = keys_pb2.KEY_STATE_RETIRING if signs else keys_pb2.KEY_STATE_ACTIVE
        return admin_pb2.RotateKeysResponse(keys=[key for key in asked if key.state != keys_pb2.KEY_STATE_RETIRING])

    async def RevokeKey(self, request: admin_pb2.RevokeKeyRequest, context: Any):
        self.revoked.append((request.kid, request.reason))
        key = next(key for key in self.kept if key.kid == request.kid)
        key.state, key.revocation_reason = keys_pb2.KEY_STATE_REVOKED, request.reason
        key.revoked_at.CopyFrom(NOON)
        own = [each for each in self.kept if each.alg == key.alg]
        return admin_pb2.RevokeKeyResponse(keys=own, exposed_until=Timestamp(seconds=NOON.seconds + 1500))

    async def RewrapKeys(self, request: admin_pb2.RewrapKeysRequest, context: Any):
        return admin_pb2.RewrapKeysResponse(rewrapped=3, remaining=1)


class Keys(VerificationKeyServiceServicer):
    def __init__(self) -> None:
        self.states = [keys_pb2.KEY_STATE_ACTIVE, keys_pb2.KEY_STATE_NEXT]

    async def ListVerificationKeys(self, request: keys_pb2.ListVerificationKeysRequest, context: Any):
        return keys_pb2.ListVerificationKeysResponse(
            keys=[
                keys_pb2.VerificationKey(kid=f"key-{number}", alg="ES256", state=state, published_at=NOON)
                for number, state in enumerate(self.states)
            ]
        )
