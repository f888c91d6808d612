"""Composition root: the one place that knows every part and puts them together."""

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
from services.key_rotation import rpc
from services.key_rotation.adapters.key_ages import ROTATION_FAILURES, observe
from services.key_rotation.adapters.sealing_health import PROBE_SECONDS, SealingHealth
from services.key_rotation.adapters.signing_view import LOOK_SECONDS, SigningView
from services.key_rotation.config import KeyRotationSettings
from services.key_rotation.domain.seals import KeySeals
from services.key_rotation.domain.waits import Waits
from services.key_rotation.store.checked_clock import CheckedClock
from services.key_rotation.store.rotation_lock import RotationTurns
from services.key_rotation.store.tables import METADATA
from services.key_rotation.store.work import StoreWork
from services.key_rotation.usecases.advance_keys import AdvanceKeys
from services.key_rotation.usecases.ensure_keys import EnsureKeys
from services.key_rotation.usecases.get_signing_keys import GetSigningKeys
from services.key_rotation.usecases.list_keys import ListKeys
from services.key_rotation.usecases.list_verification_keys import ListVerificationKeys
from services.key_rotation.usecases.revoke_key import RevokeKey
from services.key_rotation.usecases.rewrap_keys import RewrapKeys
from services.key_rotation.usecases.rotate_keys import RotateKeys
from services.key_rotation.usecases.sign_token import SignToken
from services.key_rotation.wrappings.opened import opened_wrappings

NAME = "key-rotation"
_log = logs.get(__name__)


@asynccontextmanager
async def build(settings: KeyRotationSettings) -> AsyncIterator[Service]:
    """The service with its keys in place, ready to run."""
    clock = SystemClock()
    async with open_database(settings, service=NAME) as database, opened_wrappings(settings, clock=clock) as wrappings:
        outbox = Outbox(METADATA, issuer=settings.issuer, clock=clock)
        bus = Bus(settings, service=NAME, keeps_streams=True)
        mirrors = _mirrors(settings)
        relay = Relay(database, METADATA, outbox, bus, clock=clock)
        work = Transactions(database, outbox, partial(StoreWork, issuer=settings.issuer))
        waits = settings.waits
        checked = CheckedClock(clock, database)
        seals = KeySeals(wrappings, issuer=settings.issuer)
        sealing = SealingHealth(seals)
        ensure = EnsureKeys(view=work.reading, work=work, generate=generate, seals=seals, clock=checked)
        published = ListVerificationKeys(view=work.reading)
        signing = GetSigningKeys(
            published=published,
            work=work,
            seals=seals,
            issuer=settings.issuer,
            kept=settings.private_keys == "kept",
        )
        signers = SigningView(published=published, work=work, seals=seals, max_age=waits.view_max_age, clock=checked)
        sign = SignToken(
            signers=signers, issuer=settings.issuer, per_second=settings.signatures_per_second, clock=checked
        )
        advance = AdvanceKeys(
            ensure=ensure,
            view=work.reading,
            work=work,
            turns=RotationTurns(database),
            waits=waits,
            clock=checked,
        )
        list_keys = ListKeys(view=work.reading)
        admin = rpc.KeyAdmin(
            list_keys=list_keys,
            rotate=RotateKeys(list_keys=list_keys, advance=advance, work=work, waits=waits, clock=checked),
            revoke=RevokeKey(list_keys=list_keys, advance=advance, work=work, waits=waits, clock=checked),
            rewrap=RewrapKeys(list_keys=list_keys, work=work, seals=seals),
        )
        await _prepare(checked, ensure, signing, seals)
        await sealing.probe()
        await signers.look()
        yield Service(
            servicers=(
                *_servicers(published, signing, sign, waits),
                Registration(
                    admin_pb2_grpc.add_KeyAdminServiceServicer_to_server,
                    admin,
                    admin_pb2.DESCRIPTOR.services_by_name["KeyAdminService"],
                ),
            ),
            tasks={
                "bus": bus.run,
                **{f"{name}-streams": mirror.run for name, mirror in mirrors.items()},
                "relay": relay.run,
                "outbox-purge": every(PURGE_SECONDS, "outbox-purge", relay.purge),
                "rotation": every(settings.key_check_seconds, "rotation", partial(_advance, checked, advance)),
                "signing-view": every(LOOK_SECONDS, "signing-view", signers.look),
                "key-encryption": every(PROBE_SECONDS, "key-encryption", sealing.probe),
            },
            checks={
                "database": database.check,
                "keys": partial(_check, published, clock),
                "key-encryption": sealing.check,
                "clock": checked.check,
                "bus": bus.check,
                **{f"{name}-streams": mirror.check for name, mirror in mirrors.items()},
                "outbox": relay.check,
            },
        )


async def generate(alg: str) -> SigningKey:
    """In a thread: OpenSSL lets the event loop go on meanwhile."""
    return await asyncio.to_thread(SigningKey.generate, alg)


async def _advance(clock: CheckedClock, advance: AdvanceKeys) -> bool:
    with ROTATION_FAILURES.count_exceptions():
        await clock.compare()
        return await advance()


async def _prepare(clock: CheckedClock, ensure: EnsureKeys, signing: GetSigningKeys, seals: KeySeals) -> None:
    """Whoever serves has keys, and can open them; unless what they are sealed under does not answer at this moment."""
    try:
        await clock.compare()
        try:
            await seals.prove()
            await ensure()
            await signing.check_seals()
        except TemporarilyUnavailable as error:
            if not error.reason.startswith("KEK_") or not await signing.are_there():
                raise
            _log.warning("Begun without the key-encryption key", reason=error.reason)
    except TemporarilyUnavailable as error:
        raise OSError(f"no signing keys: {error.reason}") from error
    except SealBroken as error:
        raise OSError(
            "the key-encryption key is not the one under which signing keys in the database are sealed, or does not "
            f"serve: see LATCHKEY_KEY_WRAPPING and, for a file, LATCHKEY_KEY_ENCRYPTION_KEY_FILE ({error})"
        ) from None


async def _check(published: ListVerificationKeys, clock: Clock) -> CheckResult:
    keys = await published()
    observe(keys, now=clock.now())
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


def _servicers(
    published: ListVerificationKeys, signing: GetSigningKeys, sign: SignToken, waits: Waits
) -> tuple[Registration, ...]:
    services = keys_pb2.DESCRIPTOR.services_by_name
    return (
        Registration(
            keys_pb2_grpc.add_VerificationKeyServiceServicer_to_server,
            rpc.VerificationKeys(list_keys=published, waits=waits),
            services["VerificationKeyService"],
        ),
        Registration(
            keys_pb2_grpc.add_SigningKeyServiceServicer_to_server,
            rpc.SigningKeys(get_keys=signing, waits=waits),
            services["SigningKeyService"],
        ),
        Registration(
            keys_pb2_grpc.add_SigningServiceServicer_to_server, rpc.Signing(sign=sign), services["SigningService"]
        ),
    )
