"""The authentication service: its settings, connections, use cases, gRPC services and background tasks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from latchkey.authentication.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    addresses_pb2,
    addresses_pb2_grpc,
    admin_pb2,
    admin_pb2_grpc,
    factors_pb2,
    factors_pb2_grpc,
    offers_pb2,
    offers_pb2_grpc,
    password_resets_pb2,
    password_resets_pb2_grpc,
    profile_pb2,
    profile_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
    sign_ups_pb2,
    sign_ups_pb2_grpc,
)
from libs.crypto.hashing import keyed_hash
from libs.crypto.sealing import KeyEncryptionKey
from libs.fetch.fetcher import open_fetcher
from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base.clock import SystemClock
from libs.servicekit.base.service import Registration, Service
from libs.servicekit.base.timers import every
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.events.relay import PURGE_SECONDS, Relay
from libs.servicekit.events.unit_of_work import Transactions
from libs.servicekit.nats.bus import Bus
from libs.servicekit.sql.migrations import open_database
from services.authentication.adapters.email_deliveries import EmailDeliveries
from services.authentication.adapters.email_texts import EmailTexts
from services.authentication.adapters.mailer import SmtpMailer
from services.authentication.adapters.password_policy import PasswordPolicy, breached_passwords
from services.authentication.adapters.password_pool import PasswordPool
from services.authentication.config import AuthenticationSettings
from services.authentication.rpc.accounts import AccountRpc
from services.authentication.rpc.addresses import AddressRpc
from services.authentication.rpc.factors import FactorRpc
from services.authentication.rpc.offers import OfferRpc
from services.authentication.rpc.password_resets import PasswordResetRpc
from services.authentication.rpc.profile import ProfileRpc
from services.authentication.rpc.proofs import ProofRpc
from services.authentication.rpc.sessions import SessionRpc
from services.authentication.rpc.sign_ups import SignUpRpc
from services.authentication.rpc.user_admin import UserAdminRpc
from services.authentication.store.tables import METADATA
from services.authentication.store.work import StoreWork
from services.authentication.wiring import Options, Ports, UseCases, compose

NAME = "authentication"
TOUCH_SECONDS = 15.0
SWEEP_SECONDS = 60.0


@asynccontextmanager
async def build(settings: AuthenticationSettings) -> AsyncIterator[Service]:
    """Yield the service, with its database migrated to the current schema."""
    clock = SystemClock()
    async with open_database(settings, service=NAME) as database, open_fetcher(settings.fetch_policy()) as fetcher:
        outbox = Outbox(METADATA, issuer=settings.issuer, clock=clock)
        bus = Bus(settings, service=NAME)
        relay = Relay(database, METADATA, outbox, bus, clock=clock)
        transactions = Transactions(database, outbox, StoreWork)
        passwords = PasswordPool(workers=settings.password_workers, queue=settings.password_queue)
        use_cases = compose(
            Ports(
                begin=transactions,
                view=transactions.reading,
                passwords=passwords,
                policy=PasswordPolicy(
                    min_score=settings.password_min_score,
                    is_breached=breached_passwords(settings, fetcher),
                    brand=settings.brand_name,
                ),
                compose_email=EmailTexts(brand=settings.brand_name, issuer=settings.issuer),
                mailer=_mailer(settings),
                clock=clock,
            ),
            _options(settings),
        )
        try:
            yield Service(
                servicers=_servicers(use_cases, settings),
                tasks={
                    "bus": bus.run,
                    "relay": relay.run,
                    "outbox-purge": every(PURGE_SECONDS, "outbox-purge", relay.purge),
                    "letters": EmailDeliveries(use_cases.send_email).run,
                    "sweep-letters": every(SWEEP_SECONDS, "sweep-letters", use_cases.sweep_emails),
                    "touch-sessions": every(TOUCH_SECONDS, "touch-sessions", use_cases.touch_sessions),
                    "sweep-sessions": every(SWEEP_SECONDS, "sweep-sessions", use_cases.sweep_sessions),
                },
                checks={"database": database.check, "bus": bus.check, "outbox": relay.check},
            )
        finally:
            passwords.close()
            with suppress(TemporarilyUnavailable):
                while await use_cases.touch_sessions():
                    pass


def _options(settings: AuthenticationSettings) -> Options:
    attestation_key = settings.session_attestation_key_file.first
    factor_keys = settings.factor_encryption_key_file
    # The info strings are inputs of the key derivation: another string derives another key.
    return Options(
        issuer=settings.issuer,
        lifetimes=settings.lifetimes,
        keep_ended=settings.keep_ended,
        attributes=settings.attributes_file,
        sign_up=settings.sign_up,
        stand_in_key=keyed_hash(attestation_key, "latchkey.v1: names that nobody has"),
        factor_key=KeyEncryptionKey(*factor_keys.every),
        recovery_keys=tuple(keyed_hash(key, "latchkey.v1: recovery codes") for key in factor_keys.every),
        challenge_key=keyed_hash(factor_keys.first, "latchkey.v1: passkey challenges"),
        email_digest_key=keyed_hash(attestation_key, "latchkey.v1: who asks for letters"),
    )


def _mailer(settings: AuthenticationSettings) -> SmtpMailer | None:
    server = settings.mail_server
    if server is None:
        return None
    return SmtpMailer(server, sender=settings.mail_from, sender_name=settings.brand_name, issuer=settings.issuer)


def _servicers(use_cases: UseCases, settings: AuthenticationSettings) -> tuple[Registration, ...]:
    has_mail = settings.mail_server is not None
    attestation_key = settings.session_attestation_key_file.first
    return (
        Registration(
            sessions_pb2_grpc.add_SessionServiceServicer_to_server,
            SessionRpc(
                sign_in=use_cases.sign_in,
                get_session=use_cases.get_session,
                end_session=use_cases.end_session,
                list_sessions=use_cases.list_sessions,
                end_own_sessions=use_cases.end_own_sessions,
                change_password=use_cases.change_password,
                attestation_key=attestation_key,
            ),
            sessions_pb2.DESCRIPTOR.services_by_name["SessionService"],
        ),
        Registration(
            accounts_pb2_grpc.add_AccountServiceServicer_to_server,
            AccountRpc(get_account=use_cases.get_account, sign_in=use_cases.sign_in),
            accounts_pb2.DESCRIPTOR.services_by_name["AccountService"],
        ),
        Registration(
            admin_pb2_grpc.add_UserAdminServiceServicer_to_server,
            UserAdminRpc(
                create_user=use_cases.create_user,
                import_user=use_cases.import_user,
                invite_user=use_cases.invite_user,
                list_users=use_cases.list_users,
                set_password=use_cases.set_password,
                disable_user=use_cases.disable_user,
                enable_user=use_cases.enable_user,
                delete_user=use_cases.delete_user,
                send_password_reset=use_cases.send_password_reset,
                list_user_sessions=use_cases.list_user_sessions,
                end_user_sessions=use_cases.end_user_sessions,
                reset_factors=use_cases.reset_factors,
                find_user=use_cases.find_user,
                update_user=use_cases.update_user,
            ),
            admin_pb2.DESCRIPTOR.services_by_name["UserAdminService"],
        ),
        Registration(
            profile_pb2_grpc.add_ProfileServiceServicer_to_server,
            ProfileRpc(
                get_profile=use_cases.get_profile,
                update_profile=use_cases.update_profile,
                export_account=use_cases.export_account,
                delete_account=use_cases.delete_account,
                attributes=settings.attributes_file,
            ),
            profile_pb2.DESCRIPTOR.services_by_name["ProfileService"],
        ),
        Registration(
            factors_pb2_grpc.add_ProofServiceServicer_to_server,
            ProofRpc(
                find_attempt=use_cases.find_attempt,
                continue_sign_in=use_cases.continue_sign_in,
                start_step_up=use_cases.start_step_up,
                start_passkey_sign_in=use_cases.start_passkey_sign_in,
                sign_in_with_passkey=use_cases.sign_in_with_passkey,
            ),
            factors_pb2.DESCRIPTOR.services_by_name["ProofService"],
        ),
        Registration(
            factors_pb2_grpc.add_FactorServiceServicer_to_server,
            FactorRpc(
                list_factors=use_cases.list_factors,
                start_totp=use_cases.start_totp,
                confirm_totp=use_cases.confirm_totp,
                remove_factor=use_cases.remove_factor,
                create_recovery_codes=use_cases.create_recovery_codes,
                start_passkey=use_cases.start_passkey,
                add_passkey=use_cases.add_passkey,
            ),
            factors_pb2.DESCRIPTOR.services_by_name["FactorService"],
        ),
        Registration(
            offers_pb2_grpc.add_OfferServiceServicer_to_server,
            OfferRpc(mail=has_mail, sign_up=has_mail and settings.sign_up),
            offers_pb2.DESCRIPTOR.services_by_name["OfferService"],
        ),
        Registration(
            addresses_pb2_grpc.add_AddressServiceServicer_to_server,
            AddressRpc(
                get_own=use_cases.get_address,
                request_address=use_cases.request_address,
                find=use_cases.find_address_request,
                confirm=use_cases.confirm_address,
            ),
            addresses_pb2.DESCRIPTOR.services_by_name["AddressService"],
        ),
        Registration(
            sign_ups_pb2_grpc.add_SignUpServiceServicer_to_server,
            SignUpRpc(
                request_sign_up=use_cases.request_sign_up,
                find=use_cases.find_sign_up,
                complete=use_cases.complete_sign_up,
            ),
            sign_ups_pb2.DESCRIPTOR.services_by_name["SignUpService"],
        ),
        Registration(
            password_resets_pb2_grpc.add_PasswordResetServiceServicer_to_server,
            PasswordResetRpc(
                request_reset=use_cases.request_reset, find=use_cases.find_reset, reset=use_cases.reset_password
            ),
            password_resets_pb2.DESCRIPTOR.services_by_name["PasswordResetService"],
        ),
    )
