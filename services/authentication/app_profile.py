"""The part of the composition root that is about a person's own account."""

from latchkey.authentication.v1 import profile_pb2, profile_pb2_grpc
from libs.oauth.attributes import Attributes
from libs.servicekit.base.clock import SystemClock
from libs.servicekit.base.service import Registration
from libs.servicekit.events.unit_of_work import Transactions
from services.authentication.rpc_profile import Profiles
from services.authentication.store.work import StoreWork
from services.authentication.usecases.accounts.delete_account import DeleteAccount
from services.authentication.usecases.accounts.export_account import ExportAccount
from services.authentication.usecases.accounts.profile import GetProfile, UpdateProfile
from services.authentication.usecases.sessions.own_sessions import RequireSession


def profile_service(
    work: Transactions[StoreWork], *, require_session: RequireSession, attributes: Attributes
) -> Registration:
    clock = SystemClock()
    profiles = Profiles(
        get_profile=GetProfile(view=work.reading, require_session=require_session),
        update_profile=UpdateProfile(
            view=work.reading, work=work, require_session=require_session, attributes=attributes, clock=clock
        ),
        export_account=ExportAccount(view=work.reading, require_session=require_session),
        delete_account=DeleteAccount(view=work.reading, work=work, require_session=require_session, clock=clock),
        attributes=attributes,
    )
    service = profile_pb2.DESCRIPTOR.services_by_name["ProfileService"]
    return Registration(profile_pb2_grpc.add_ProfileServiceServicer_to_server, profiles, service)
