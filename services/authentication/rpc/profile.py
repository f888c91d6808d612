"""ProfileService: the profile, the export and the deletion of the account of the signed-in user."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

from latchkey.authentication.v1 import (
    profile_pb2,
    profile_pb2_grpc,
)
from libs.oauth.attributes import Attributes
from services.authentication.domain.accounts.claim_policy import ClaimWriter, RefusedClaim, writable_by
from services.authentication.rpc.messages import claims_of, to_struct
from services.authentication.usecases.accounts.delete_account import DeleteAccount
from services.authentication.usecases.accounts.export_account import ExportAccount
from services.authentication.usecases.accounts.profile import GetProfile, UpdateProfile

_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


@dataclass(frozen=True)
class ProfileRpc(profile_pb2_grpc.ProfileServiceServicer):
    get_profile: GetProfile
    update_profile: UpdateProfile
    export_account: ExportAccount
    delete_account: DeleteAccount
    attributes: Attributes

    async def GetProfile(
        self, request: profile_pb2.GetProfileRequest, context: _Context
    ) -> profile_pb2.GetProfileResponse:
        account = await self.get_profile(request.session_secret)
        claims = to_struct(account.claims())
        writable = [*writable_by(ClaimWriter.USER), *self.attributes.written_by_users()]
        return profile_pb2.GetProfileResponse(claims=claims, writable=writable)

    async def UpdateProfile(
        self, request: profile_pb2.UpdateProfileRequest, context: _Context
    ) -> profile_pb2.UpdateProfileResponse:
        try:
            await self.update_profile(request.session_secret, claims_of(request.claims))
        except RefusedClaim as refusal:
            return profile_pb2.UpdateProfileResponse(refused_claim=refusal.claim)
        return profile_pb2.UpdateProfileResponse()

    async def ExportAccount(
        self, request: profile_pb2.ExportAccountRequest, context: _Context
    ) -> profile_pb2.ExportAccountResponse:
        return profile_pb2.ExportAccountResponse(account=to_struct(await self.export_account(request.session_secret)))

    async def DeleteAccount(
        self, request: profile_pb2.DeleteAccountRequest, context: _Context
    ) -> profile_pb2.DeleteAccountResponse:
        await self.delete_account(request.session_secret, request.username)
        return profile_pb2.DeleteAccountResponse()
