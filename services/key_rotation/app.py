"""Composition root: opens the connections and builds the service from its settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from latchkey.keys.v1 import admin_pb2, admin_pb2_grpc, keys_pb2, keys_pb2_grpc
from libs.crypto.errors import SealBroken
from libs.crypto.jwt import SigningKey
from libs.oauth.errors import TemporarilyUnavailable
from libs.servicekit.base import logs
from libs.servicekit.base.clock import Clock, SystemClock
from libs.servicekit.base.service import CheckResult, Registration, Service
from libs.servicekit.base.timers import every
from libs.servicekit.events.outbox import Outbox
from libs.servicekit.events.relay import PURGE_SECONDS, Relay
from libs.servicekit.events.unit_of_work import Transactions
from libs.servicekit.nats.bus import Bus
from libs.servicekit.nats.mirrors import READERS, SUBSCRIBERS
from libs.servicekit.sql.migrations import open_database
from services.key_rotation import wiring
from services.key_rotation.adapters.key_ages import ROTATION_FAILURES, update_key_ages
from services.key_rotation.adapters.sealing_health import PROBE_SECONDS, SealingHealth
from services.key_rotation.adapters.signing_view import LOOK_SECONDS
from services.key_rotation.config import KeyRotationSettings
from services.key_rotation.domain.rotation_policy import RotationPolicy
from services.key_rotation.domain.seals import KeySeals
from services.key_rotation.rpc.admin import KeyAdminRpc
from services.key_rotation.rpc.keys import SigningKeysRpc, SigningRpc, VerificationKeysRpc
from services.key_rotation.store.checked_clock import CheckedClock
from services.key_rotation.store.rotation_lock import RotationLock
from services.key_rotation.store.tables import METADATA
from services.key_rotation.store.work import StoreWork
from services.key_rotation.usecases.advance_keys import AdvanceKeys
from services.key_rotation.usecases.list_verification_keys import ListVerificationKeys
from services.key_rotation.wrappings.opened import opened_wrappings

NAME = "key-rotation"
_log = logs.get(__name__)


@asynccontextmanager
async def build(settings: KeyRotationSettings) -> AsyncIterator[Service]:
    """Yield the service, ready to run. Every algorithm has its keys."""
    clock = SystemClock()
    async with open_database(settings, service=NAME) as database, opened_wrappings(settings, clock=clock) as wrappings:
        outbox = Outbox(METADATA, issuer=settings.issuer, clock=clock)
        bus = Bus(settings, service=NAME, keeps_streams=True)
        mirrors = _mirrors(settings)
        relay = Relay(database, METADATA, outbox, bus, clock=clock)
        work = Transactions(database, outbox, partial(StoreWork, issuer=settings.issuer))
        checked = CheckedClock(clock, database)
        seals = KeySeals(wrappings, issuer=settings.issuer)
        sealing = SealingHealth(seals)
        use_cases = wiring.compose(
            begin=work,
            view=work.reading,
            clock=checked,
            generate=generate,
            seals=seals,
            lock=RotationLock(database),
            policy=settings.policy,
            issuer=settings.issuer,
            keep_private_keys=settings.private_keys == "kept",
            signatures_per_second=settings.signatures_per_second,
        )
        await _prepare(checked, use_cases, seals)
        await sealing.probe()
        await use_cases.signing_view.look()
        yield Service(
            servicers=_registrations(use_cases, settings.policy),
            tasks={
                "bus": bus.run,
                **{f"{name}-streams": mirror.run for name, mirror in mirrors.items()},
                "relay": relay.run,
                "outbox-purge": every(PURGE_SECONDS, "outbox-purge", relay.purge),
                "rotation": every(
                    settings.key_check_seconds, "rotation", partial(_advance, checked, use_cases.advance_keys)
                ),
                "signing-view": every(LOOK_SECONDS, "signing-view", use_cases.signing_view.look),
                "key-encryption": every(PROBE_SECONDS, "key-encryption", sealing.probe),
            },
            checks={
                "database": database.check,
                "keys": partial(_check, use_cases.list_verification_keys, clock),
                "key-encryption": sealing.check,
                "clock": checked.check,
                "bus": bus.check,
                **{f"{name}-streams": mirror.check for name, mirror in mirrors.items()},
                "outbox": relay.check,
            },
        )


async def generate(alg: str) -> SigningKey:
    """Generate a key in a thread, because an RSA key can take a second."""
    return await asyncio.to_thread(SigningKey.generate, alg)


async def _advance(clock: CheckedClock, advance: AdvanceKeys) -> bool:
    with ROTATION_FAILURES.count_exceptions():
        await clock.compare()
        return await advance()


async def _prepare(clock: CheckedClock, use_cases: wiring.UseCases, seals: KeySeals) -> None:
    """Create missing keys and check that stored keys can be decrypted.

    If the key-encryption key is unavailable and keys exist, the service starts with a warning.

    Raises:
        OSError: there are no signing keys, or they cannot be decrypted.
    """
    signing = use_cases.get_signing_keys
    try:
        await clock.compare()
        try:
            await seals.self_test()
            await use_cases.ensure_keys()
            await signing.check_seals()
        except TemporarilyUnavailable as error:
            if not error.reason.startswith("KEK_") or not await signing.has_keys():
                raise
            _log.warning(
                "kek.unavailable_at_start", message="Started without the key-encryption key", reason=error.reason
            )
    except TemporarilyUnavailable as error:
        raise OSError(f"no signing keys: {error.reason}") from error
    except SealBroken as error:
        raise OSError(
            "the key-encryption key cannot decrypt the signing keys in the database, or is unusable: see "
            f"LATCHKEY_KEY_WRAPPING and, for a file, LATCHKEY_KEY_ENCRYPTION_KEY_FILE ({error})"
        ) from None


async def _check(published: ListVerificationKeys, clock: Clock) -> CheckResult:
    keys = await published()
    update_key_ages(keys, now=clock.now())
    return CheckResult(ok=True, detail=", ".join(f"{key.alg} {key.state}" for key in keys))


def _mirrors(settings: KeyRotationSettings) -> dict[str, Bus]:
    """The keepers of the streams in the accounts of those who read events, by the name of the account."""
    kept = {
        SUBSCRIBERS: (settings.nats_subscribers_creds, settings.nats_stream_bytes),
        READERS: (settings.nats_readers_creds, settings.nats_stream_bytes // 2),
    }
    return {
        mirror.account: Bus(
            settings.model_copy(update={"nats_creds": creds, "nats_stream_bytes": size}),
            service=NAME,
            keeps_streams=True,
            mirror=mirror,
        )
        for mirror, (creds, size) in kept.items()
        if creds is not None
    }


def _registrations(use_cases: wiring.UseCases, policy: RotationPolicy) -> tuple[Registration, ...]:
    services = keys_pb2.DESCRIPTOR.services_by_name
    return (
        Registration(
            keys_pb2_grpc.add_VerificationKeyServiceServicer_to_server,
            VerificationKeysRpc(list_keys=use_cases.list_verification_keys, policy=policy),
            services["VerificationKeyService"],
        ),
        Registration(
            keys_pb2_grpc.add_SigningKeyServiceServicer_to_server,
            SigningKeysRpc(get_keys=use_cases.get_signing_keys, policy=policy),
            services["SigningKeyService"],
        ),
        Registration(
            keys_pb2_grpc.add_SigningServiceServicer_to_server,
            SigningRpc(sign=use_cases.sign_token),
            services["SigningService"],
        ),
        Registration(
            admin_pb2_grpc.add_KeyAdminServiceServicer_to_server,
            KeyAdminRpc(
                list_keys=use_cases.list_keys,
                rotate=use_cases.rotate_keys,
                revoke=use_cases.revoke_key,
                rewrap=use_cases.rewrap_keys,
            ),
            admin_pb2.DESCRIPTOR.services_by_name["KeyAdminService"],
        ),
    )
