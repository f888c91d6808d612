"""The token service, put together by hand."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial

import grpc
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from latchkey.authentication.v1.accounts_pb2_grpc import AccountServiceStub
from latchkey.device.v1.device_pb2_grpc import DeviceServiceStub
from latchkey.keys.v1.keys_pb2_grpc import SigningKeyServiceStub, SigningServiceStub
from latchkey.token.v1 import admin_pb2, authorization_pb2, consents_pb2
from latchkey.token.v1.admin_pb2_grpc import add_ClientAdminServiceServicer_to_server
from latchkey.token.v1.authorization_pb2_grpc import add_AuthorizationServiceServicer_to_server
from latchkey.token.v1.consents_pb2_grpc import add_ConsentServiceServicer_to_server
from libs.fetch.fetcher import open_fetcher
from libs.oauth.client_metadata import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, DEVICE_CODE, PASSWORD, REFRESH_TOKEN
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock, SystemClock
from libs.servicekit.base.service import Registration, Service
from libs.servicekit.base.timers import every
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.events.relay import PURGE_SECONDS, Relay
from libs.servicekit.events.unit_of_work import Transactions
from libs.servicekit.grpc.channels import channel
from libs.servicekit.nats.bus import Bus
from libs.servicekit.sql.migrations import open_database
from services.token.adapters import client_directory, client_logos, request_objects, signing_keys
from services.token.adapters.accounts import RemoteAccounts
from services.token.adapters.client_directory import CachedClients
from services.token.adapters.client_keys import KEY_SET_TYPES, ClientKeys
from services.token.adapters.client_logos import ClientLogos
from services.token.adapters.devices import RemoteDevices
from services.token.adapters.logout_deliveries import LogoutDeliveries
from services.token.adapters.pairwise_salt import PairwiseSaltCheck
from services.token.adapters.pending_request_limiter import PendingRequestLimiter
from services.token.adapters.remote_signing import RemoteSigning
from services.token.adapters.request_objects import RemoteRequestObjects
from services.token.adapters.retired_keys import WRITE_SECONDS, RetiredKeys
from services.token.adapters.sector_documents import RemoteSectorDocuments
from services.token.adapters.session_events import SessionEvents
from services.token.adapters.sign_ins import RemoteSignIns
from services.token.adapters.signing_keys import KeyView
from services.token.adapters.telemetry import BufferedTelemetry, SilentTelemetry
from services.token.adapters.token_hook import token_hook_of
from services.token.config import TokenSettings
from services.token.domain.tokens.audiences import Audiences
from services.token.domain.tokens.subjects import Subjects
from services.token.http.app import Endpoints, assertion_audiences, build_edge, userinfo_url
from services.token.http.register import Registrations
from services.token.ports.tokens import Keys, Telemetry
from services.token.rpc.authorization import AuthorizationRpc
from services.token.rpc.clients import ClientAdminRpc
from services.token.rpc.consents import ConsentRpc
from services.token.store.purge import Purge
from services.token.store.tables import METADATA
from services.token.store.work import StoreWork
from services.token.usecases.authorization.advance_authorization import AdvanceAuthorization
from services.token.usecases.authorization.authorize import Authorize
from services.token.usecases.authorization.deny_authorization import DenyAuthorization
from services.token.usecases.authorization.describe_interaction import DescribeInteraction
from services.token.usecases.authorization.export_consents import ExportConsents
from services.token.usecases.authorization.grant_authorization import GrantAuthorization
from services.token.usecases.authorization.list_connections import ListConnections
from services.token.usecases.authorization.push_authorization_request import PushAuthorizationRequest
from services.token.usecases.authorization.read_request_object import ReadRequestObject
from services.token.usecases.authorization.resume_authorization import ResumeAuthorization
from services.token.usecases.authorization.start_device_authorization import StartDeviceAuthorization
from services.token.usecases.authorization.withdraw_consent import WithdrawConsent
from services.token.usecases.clients.authenticate_client import AuthenticateClient
from services.token.usecases.clients.check_sector import CheckSector
from services.token.usecases.clients.create_client import CreateClient
from services.token.usecases.clients.create_initial_access_token import CreateInitialAccessToken
from services.token.usecases.clients.delete_client import DeleteClient
from services.token.usecases.clients.find_clients import GetClient, ListClients
from services.token.usecases.clients.find_initial_access_tokens import ListInitialAccessTokens, RevokeInitialAccessToken
from services.token.usecases.clients.get_client_logo import GetClientLogo
from services.token.usecases.clients.manage_registration import ChangeRegistration, DeleteRegistration, ReadRegistration
from services.token.usecases.clients.register_client import RegisterClient
from services.token.usecases.clients.rotate_client_secret import RotateClientSecret
from services.token.usecases.clients.sweep_unused_clients import SweepUnusedClients
from services.token.usecases.clients.update_client import UpdateClient
from services.token.usecases.sessions.check_logout import CheckLogout
from services.token.usecases.sessions.deliver_logout import DeliverLogout
from services.token.usecases.sessions.end_session import EndAccount, EndOfflineGrants, EndSession
from services.token.usecases.tokens.get_userinfo import GetUserinfo
from services.token.usecases.tokens.grants.authorization_code import AuthorizationCodeGrant
from services.token.usecases.tokens.grants.client_credentials import ClientCredentials
from services.token.usecases.tokens.grants.device_code import DeviceCodeGrant
from services.token.usecases.tokens.grants.password import PasswordGrant
from services.token.usecases.tokens.grants.refresh_token import RefreshTokenGrant
from services.token.usecases.tokens.introspect_token import IntrospectToken
from services.token.usecases.tokens.issue_tokens import IssueTokens
from services.token.usecases.tokens.list_retired_key_uses import ListRetiredKeyUses
from services.token.usecases.tokens.mint_tokens import MintTokens
from services.token.usecases.tokens.revoke_token import RevokeToken

NAME = "token"
_OPEN_REGISTRATION = (
    "unauthenticated callers can register clients with misleading names; "
    "LATCHKEY_REGISTRATION=token requires an initial access token"
)
_log = logs.get(__name__)


@asynccontextmanager
async def build(settings: TokenSettings) -> AsyncIterator[Service]:
    clock = SystemClock()
    issuer = settings.issuer
    peppers = settings.client_secret_pepper_file
    pepper, chain_keys = peppers.first, tuple(map(_chain_key, peppers.every))
    lifetimes = settings.lifetimes
    audiences = Audiences(issuer, userinfo_url(settings.client_edge_url))
    subjects = Subjects(settings.pairwise_salt_file.get_secret_value())
    async with (
        open_database(settings, service=NAME) as database,
        channel(settings.authentication_target, service="authentication", settings=settings) as authentication,
        channel(settings.device_target, service="device", settings=settings) as device,
        channel(settings.key_rotation_target, service="key-rotation", settings=settings) as key_rotation,
        open_fetcher(settings.fetch_policy()) as fetcher,
        aclosing(ClientKeys(partial(fetcher.get, accept=KEY_SET_TYPES))) as client_keys,
        aclosing(ClientLogos(partial(fetcher.get, accept=client_logos.TYPES, limit=client_logos.MAX_BYTES))) as logos,
    ):
        bus = Bus(settings, service=NAME)
        outbox = Outbox(METADATA, issuer=issuer, clock=clock)
        relay = Relay(database, METADATA, outbox, bus, clock=clock)
        transactions = Transactions(database, outbox, StoreWork)
        pairwise_salt_check = PairwiseSaltCheck(transactions.reading, subjects)
        await pairwise_salt_check.require()
        clients = CachedClients(transactions, clock=clock)
        retired_keys = RetiredKeys(clock=clock)
        key_view, keys = _keys(settings, key_rotation, clock, retired_keys)
        people = AccountServiceStub(authentication)
        accounts = RemoteAccounts(people)
        attestation_keys = settings.session_attestation_key_file.every
        devices = RemoteDevices(DeviceServiceStub(device), attestation_keys=attestation_keys, clock=clock)
        buffered = BufferedTelemetry(bus, transactions, issuer=issuer, clock=clock)
        telemetry: Telemetry = buffered if settings.token_telemetry else SilentTelemetry()
        bus.listen(client_directory.EVENTS, clients.on_event)
        bus.follow(signing_keys.EVENTS, key_view.on_event)

        mint = MintTokens(
            issuer=issuer,
            keys=keys,
            subjects=subjects,
            access_token_alg=settings.access_token_alg,
            id_token_lifetime=lifetimes.id_token,
        )
        hook = token_hook_of(settings, bus)
        advance = AdvanceAuthorization(
            GrantAuthorization(mint, audiences=audiences, lifetimes=lifetimes),
            issuer=issuer,
            clients=clients,
            accounts=accounts,
            keys=keys,
            subjects=subjects,
            hook=hook,
            attributes=settings.attributes_file,
        )
        view = transactions.reading
        read_request_object = ReadRequestObject(
            issuer=issuer,
            signed=client_keys,
            fetch=RemoteRequestObjects(partial(fetcher.get, accept=request_objects.TYPES)),
        )
        pending_request_limiter = PendingRequestLimiter()
        authorization = AuthorizationRpc(
            authorize=Authorize(
                transactions,
                view,
                advance,
                read_request_object=read_request_object,
                pending_request_limiter=pending_request_limiter,
                clock=clock,
            ),
            resume=ResumeAuthorization(transactions, view, advance, clock=clock),
            deny=DenyAuthorization(transactions, advance, clock=clock),
            describe=DescribeInteraction(view, advance, clock=clock),
            get_logo=GetClientLogo(clients=clients, logos=logos),
            check_logout=CheckLogout(view, issuer=issuer, clients=clients, keys=keys, subjects=subjects, clock=clock),
            attestation_keys=attestation_keys,
            clock=clock,
        )
        check_sector = CheckSector(RemoteSectorDocuments(fetcher.get), subjects=subjects)
        create_client = CreateClient(transactions, check_sector=check_sector, pepper=pepper, clock=clock)
        update_client = UpdateClient(
            transactions, view, check_sector=check_sector, pepper=pepper, directory=clients, clock=clock
        )
        delete_client = DeleteClient(transactions, directory=clients, clock=clock)
        consents = ConsentRpc(
            list_connections=ListConnections(view, clients=clients, clock=clock),
            withdraw=WithdrawConsent(transactions, clock=clock),
            export=ExportConsents(view, clients=clients),
            attestation_keys=attestation_keys,
            clock=clock,
        )
        client_admin = ClientAdminRpc(
            create=create_client,
            get=GetClient(view),
            list_page=ListClients(view),
            update=update_client,
            rotate_secret=RotateClientSecret(transactions, pepper=pepper, directory=clients, clock=clock),
            delete=delete_client,
            create_initial_token=CreateInitialAccessToken(transactions, mode=settings.registration, clock=clock),
            list_initial_tokens=ListInitialAccessTokens(view, clock=clock),
            revoke_initial_token=RevokeInitialAccessToken(transactions),
            list_retired_key_uses=ListRetiredKeyUses(view),
        )
        registrations = Registrations(
            register=RegisterClient(
                transactions,
                view,
                create_client,
                mode=settings.registration,
                policy=settings.registration_policy,
                quota=settings.registration_quota,
                lifetime=lifetimes.registration,
                clock=clock,
            ),
            read=ReadRegistration(view),
            change=ChangeRegistration(
                transactions,
                view,
                update_client,
                policy=settings.registration_policy,
                peppers=peppers.every,
                directory=clients,
                clock=clock,
            ),
            delete=DeleteRegistration(view, delete_client),
        )
        if settings.registration == "open":
            _log.warning(
                "registration.open",
                message="Dynamic client registration is open to all callers",
                setting="LATCHKEY_REGISTRATION=open",
                risk=_OPEN_REGISTRATION,
            )
        authenticate = AuthenticateClient(
            transactions,
            clients=clients,
            signed=client_keys,
            peppers=peppers.every,
            issuer=issuer,
            audiences=assertion_audiences(issuer, settings.client_edge_url),
        )
        issue_tokens = IssueTokens(
            {
                AUTHORIZATION_CODE: AuthorizationCodeGrant(transactions, view, lifetimes=lifetimes),
                REFRESH_TOKEN: RefreshTokenGrant(transactions, view, chain_keys=chain_keys, lifetimes=lifetimes),
                CLIENT_CREDENTIALS: ClientCredentials(telemetry),
                DEVICE_CODE: DeviceCodeGrant(transactions, devices, lifetimes=lifetimes, clock=clock),
                PASSWORD: PasswordGrant(transactions, view, RemoteSignIns(people), lifetimes=lifetimes),
            },
            audiences=audiences,
            authenticate=authenticate,
            accounts=accounts,
            hook=hook,
            mint=mint,
            lifetimes=lifetimes,
            clock=clock,
        )
        get_userinfo = GetUserinfo(
            view,
            audiences=audiences,
            accounts=accounts,
            clients=clients,
            keys=keys,
            subjects=subjects,
            mint=mint,
            clock=clock,
            attributes=settings.attributes_file,
        )
        introspect_token = IntrospectToken(
            view,
            issuer=issuer,
            authenticate=authenticate,
            keys=keys,
            subjects=subjects,
            mint=mint,
            chain_keys=chain_keys,
            lifetimes=lifetimes,
            clock=clock,
        )
        start_device_authorization = StartDeviceAuthorization(
            issuer=issuer, authenticate=authenticate, devices=devices, clock=clock
        )
        revoke_token = RevokeToken(
            transactions,
            issuer=issuer,
            authenticate=authenticate,
            keys=keys,
            chain_keys=chain_keys,
            lifetimes=lifetimes,
            clock=clock,
        )
        deliveries = LogoutDeliveries(DeliverLogout(transactions, mint, fetcher, clients=clients, clock=clock))
        session_events = SessionEvents(
            EndSession(transactions, clock=clock),
            EndAccount(transactions, clock=clock),
            EndOfflineGrants(transactions, clock=clock),
            clock=clock,
            queued=deliveries.wake,
        ).consumers(bus)
        yield Service(
            servicers=(
                Registration(
                    add_AuthorizationServiceServicer_to_server,
                    authorization,
                    authorization_pb2.DESCRIPTOR.services_by_name["AuthorizationService"],
                ),
                Registration(
                    add_ConsentServiceServicer_to_server,
                    consents,
                    consents_pb2.DESCRIPTOR.services_by_name["ConsentService"],
                ),
                Registration(
                    add_ClientAdminServiceServicer_to_server,
                    client_admin,
                    admin_pb2.DESCRIPTOR.services_by_name["ClientAdminService"],
                ),
            ),
            edge=build_edge(
                Endpoints(
                    token=issue_tokens,
                    userinfo=get_userinfo,
                    par=PushAuthorizationRequest(
                        transactions,
                        authenticate=authenticate,
                        read_request_object=read_request_object,
                        pending_request_limiter=pending_request_limiter,
                        clock=clock,
                    ),
                    device_authorization=start_device_authorization,
                    introspect=introspect_token,
                    revoke=revoke_token,
                    registrations=registrations,
                ),
                edge_url=settings.client_edge_url,
                trusted_proxies=settings.trusted_proxies,
            ),
            tasks={
                "bus": bus.run,
                "relay": relay.run,
                "outbox-purge": every(PURGE_SECONDS, "outbox-purge", relay.purge),
                "keys": key_view.run,
                "former-keys": every(WRITE_SECONDS, "former-keys", partial(retired_keys.write, transactions)),
                "telemetry": buffered.run,
                "logout-deliveries": deliveries.run,
                **{name: consumer.run for name, consumer in session_events.items()},
                "purge": every(PURGE_SECONDS, "purge", Purge(database, clock=clock)),
                "unused-clients": every(
                    PURGE_SECONDS, "unused-clients", SweepUnusedClients(transactions, directory=clients, clock=clock)
                ),
            },
            checks={
                "database": database.check,
                "pairwise-salt": pairwise_salt_check.check,
                "keys": key_view.check,
                "bus": bus.check,
                "outbox": relay.check,
                **{name: consumer.check for name, consumer in session_events.items()},
            },
        )


def _keys(
    settings: TokenSettings, key_rotation: grpc.aio.Channel, clock: Clock, former: RetiredKeys
) -> tuple[KeyView, Keys]:
    """What this replica knows of the keys, and how it signs: with what it holds, or by asking key-rotation."""
    local, verifiable_for = settings.signing == "local", settings.verifiable_for
    view = KeyView(
        SigningKeyServiceStub(key_rotation),
        issuer=settings.issuer,
        verifiable_for=verifiable_for,
        clock=clock,
        private=local,
        former=former,
    )
    if local:
        return view, view
    stub = SigningServiceStub(key_rotation)
    return view, RemoteSigning(view, stub, verifiable_for=verifiable_for, seconds=settings.signing_seconds)


def _chain_key(pepper: bytes) -> bytes:
    """The key of the refresh token chains: from the same secret, but of no use for client secrets."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"latchkey refresh chain").derive(pepper)
