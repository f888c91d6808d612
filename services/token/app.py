"""The token service: settings, connections, background tasks and checks. `wiring` composes the use cases."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial

import grpc
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from latchkey.authentication.v1.accounts_pb2_grpc import AccountServiceStub
from latchkey.device.v1.device_pb2_grpc import DeviceServiceStub
from latchkey.keys.v1.keys_pb2_grpc import SigningKeyServiceStub, SigningServiceStub
from latchkey.token.v1 import admin_pb2, authorization_pb2, consents_pb2
from latchkey.token.v1.admin_pb2_grpc import (
    add_ClientAdminServiceServicer_to_server,
    add_GrantAdminServiceServicer_to_server,
)
from latchkey.token.v1.authorization_pb2_grpc import add_AuthorizationServiceServicer_to_server
from latchkey.token.v1.consents_pb2_grpc import add_ConsentServiceServicer_to_server
from libs.fetch.fetcher import open_fetcher
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
from services.token.rpc.grants import GrantAdminRpc
from services.token.store.purge import Purge
from services.token.store.tables import METADATA
from services.token.store.work import StoreWork
from services.token.wiring import Options, Ports, UseCases, compose

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
        pairwise_salt_check = PairwiseSaltCheck(view=transactions.reading, subjects=subjects)
        await pairwise_salt_check.require()
        clients = CachedClients(transactions, clock=clock)
        retired_keys = RetiredKeys(clock=clock)
        key_view, keys = _keys(settings, key_rotation, clock, retired_keys)
        accounts = AccountServiceStub(authentication)
        attestation_keys = settings.session_attestation_key_file.every
        buffered = BufferedTelemetry(bus, transactions, issuer=issuer, clock=clock)
        telemetry: Telemetry = buffered if settings.token_telemetry else SilentTelemetry()
        bus.listen(client_directory.EVENTS, clients.on_event)
        bus.follow(signing_keys.EVENTS, key_view.on_event)

        use_cases = compose(
            Ports(
                begin=transactions,
                view=transactions.reading,
                clients=clients,
                client_keys=client_keys,
                logos=logos,
                fetch_request_object=RemoteRequestObjects(fetch=partial(fetcher.get, accept=request_objects.TYPES)),
                fetch_sector_document=RemoteSectorDocuments(fetch=fetcher.get),
                post=fetcher,
                accounts=RemoteAccounts(stub=accounts),
                sign_ins=RemoteSignIns(stub=accounts),
                devices=RemoteDevices(stub=DeviceServiceStub(device), attestation_keys=attestation_keys, clock=clock),
                keys=keys,
                hook=token_hook_of(settings, bus),
                telemetry=telemetry,
                pending_request_limiter=PendingRequestLimiter(),
                clock=clock,
            ),
            _options(settings, subjects),
        )
        if settings.registration == "open":
            _log.warning(
                "registration.open",
                message="Dynamic client registration is open to all callers",
                setting="LATCHKEY_REGISTRATION=open",
                risk=_OPEN_REGISTRATION,
            )
        deliveries = LogoutDeliveries(use_cases.deliver_logout)
        session_events = SessionEvents(
            end_session=use_cases.end_session,
            end_account=use_cases.end_account,
            end_offline=use_cases.end_offline_grants,
            clock=clock,
            queued=deliveries.wake,
        ).consumers(bus)
        yield Service(
            servicers=_servicers(use_cases, attestation_keys=attestation_keys, clock=clock),
            edge=build_edge(
                Endpoints(
                    token=use_cases.issue_tokens,
                    userinfo=use_cases.get_userinfo,
                    par=use_cases.push,
                    device_authorization=use_cases.start_device_authorization,
                    introspect=use_cases.introspect_token,
                    revoke=use_cases.revoke_token,
                    registrations=Registrations(
                        register=use_cases.register_client,
                        read=use_cases.read_registration,
                        change=use_cases.change_registration,
                        delete=use_cases.delete_registration,
                    ),
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
                "unused-clients": every(PURGE_SECONDS, "unused-clients", use_cases.sweep_unused_clients),
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


def _options(settings: TokenSettings, subjects: Subjects) -> Options:
    peppers = settings.client_secret_pepper_file.every
    return Options(
        issuer=settings.issuer,
        audiences=Audiences(settings.issuer, userinfo_url(settings.client_edge_url)),
        assertion_audiences=assertion_audiences(settings.issuer, settings.client_edge_url),
        subjects=subjects,
        lifetimes=settings.lifetimes,
        access_token_alg=settings.access_token_alg,
        peppers=peppers,
        chain_keys=tuple(map(_chain_key, peppers)),
        dpop_nonce_keys=tuple(map(_dpop_nonce_key, peppers)),
        dpop_nonce=settings.dpop_nonce,
        registration=settings.registration,
        registration_policy=settings.registration_policy,
        registration_quota=settings.registration_quota,
        attributes=settings.attributes_file,
    )


def _servicers(use_cases: UseCases, *, attestation_keys: Sequence[bytes], clock: Clock) -> tuple[Registration, ...]:
    return (
        Registration(
            add_AuthorizationServiceServicer_to_server,
            AuthorizationRpc(
                authorize=use_cases.authorize,
                resume=use_cases.resume,
                deny=use_cases.deny,
                describe=use_cases.describe,
                get_logo=use_cases.get_logo,
                check_logout=use_cases.check_logout,
                attestation_keys=attestation_keys,
                clock=clock,
            ),
            authorization_pb2.DESCRIPTOR.services_by_name["AuthorizationService"],
        ),
        Registration(
            add_ConsentServiceServicer_to_server,
            ConsentRpc(
                list_connections=use_cases.list_connections,
                withdraw=use_cases.withdraw_consent,
                export=use_cases.export_consents,
                attestation_keys=attestation_keys,
                clock=clock,
            ),
            consents_pb2.DESCRIPTOR.services_by_name["ConsentService"],
        ),
        Registration(
            add_ClientAdminServiceServicer_to_server,
            ClientAdminRpc(
                create=use_cases.create_client,
                get=use_cases.get_client,
                list_page=use_cases.list_clients,
                update=use_cases.update_client,
                rotate_secret=use_cases.rotate_secret,
                delete=use_cases.delete_client,
                create_initial_token=use_cases.create_initial_token,
                list_initial_tokens=use_cases.list_initial_tokens,
                revoke_initial_token=use_cases.revoke_initial_token,
                list_retired_key_uses=use_cases.list_retired_key_uses,
            ),
            admin_pb2.DESCRIPTOR.services_by_name["ClientAdminService"],
        ),
        Registration(
            add_GrantAdminServiceServicer_to_server,
            GrantAdminRpc(list_grants=use_cases.list_user_grants, revoke_grants=use_cases.revoke_user_grants),
            admin_pb2.DESCRIPTOR.services_by_name["GrantAdminService"],
        ),
    )


def _keys(
    settings: TokenSettings, key_rotation: grpc.aio.Channel, clock: Clock, retired: RetiredKeys
) -> tuple[KeyView, Keys]:
    """What this replica knows of the keys, and how it signs: with what it holds, or by asking key-rotation."""
    local, verifiable_for = settings.signing == "local", settings.verifiable_for
    view = KeyView(
        SigningKeyServiceStub(key_rotation),
        issuer=settings.issuer,
        verifiable_for=verifiable_for,
        clock=clock,
        private=local,
        retired=retired,
    )
    if local:
        return view, view
    stub = SigningServiceStub(key_rotation)
    return view, RemoteSigning(view, stub, verifiable_for=verifiable_for, seconds=settings.signing_seconds)


def _chain_key(pepper: bytes) -> bytes:
    """The key of the refresh token chains: from the same secret, but of no use for client secrets."""
    return _derived(pepper, b"latchkey refresh chain")


def _dpop_nonce_key(pepper: bytes) -> bytes:
    """The key of DPoP nonces, the same at every replica."""
    return _derived(pepper, b"latchkey dpop nonce")


def _derived(pepper: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(pepper)
