"""The part of the composition root that is about second factors."""

from latchkey.authentication.v1 import factors_pb2, factors_pb2_grpc
from libs.crypto.hashing import keyed_hash
from libs.crypto.passkeys import RelyingParty
from libs.crypto.sealing import KeyEncryptionKey
from libs.servicekit.base.clock import SystemClock
from libs.servicekit.base.service import Registration
from libs.servicekit.events.unit_of_work import Transactions
from services.authentication import rpc_factors
from services.authentication.config import AuthenticationSettings
from services.authentication.store.work import StoreWork
from services.authentication.usecases.factors.enrol_passkey import AddPasskey, StartPasskey
from services.authentication.usecases.factors.enrol_totp import ConfirmTotp, StartTotp
from services.authentication.usecases.factors.own_factors import CreateRecoveryCodes, ListFactors, RemoveFactor
from services.authentication.usecases.factors.passkey_ceremonies import Ceremonies
from services.authentication.usecases.factors.verify_factor import ProveFactor
from services.authentication.usecases.sessions.own_sessions import RequireSession
from services.authentication.usecases.sessions.start_session import StartSession
from services.authentication.usecases.sign_in.continue_sign_in import ContinueSignIn
from services.authentication.usecases.sign_in.find_attempt import FindAttempt
from services.authentication.usecases.sign_in.sign_in_with_passkey import SignInWithPasskey, StartPasskeySignIn
from services.authentication.usecases.sign_in.start_step_up import StartStepUp


def factor_services(
    settings: AuthenticationSettings,
    work: Transactions[StoreWork],
    *,
    require_session: RequireSession,
    start: StartSession,
    stand_in_key: bytes,
) -> tuple[Registration, ...]:
    clock = SystemClock()
    keys = settings.factor_encryption_key_file
    factor_key = KeyEncryptionKey(*keys.every)
    recovery_keys = tuple(keyed_hash(key, "latchkey.v1: recovery codes") for key in keys.every)
    ceremonies = Ceremonies(
        RelyingParty.of(settings.issuer), key=keyed_hash(keys.first, "latchkey.v1: passkey challenges"), clock=clock
    )
    prove = ProveFactor(factor_key=factor_key, recovery_keys=recovery_keys, ceremonies=ceremonies, clock=clock)
    proofs = rpc_factors.Proofs(
        find_attempt=FindAttempt(view=work.reading, ceremonies=ceremonies, clock=clock),
        continue_sign_in=ContinueSignIn(work=work, prove=prove, start=start, clock=clock, stand_in_key=stand_in_key),
        start_step_up=StartStepUp(work=work, require_session=require_session, clock=clock),
        start_passkey_sign_in=StartPasskeySignIn(ceremonies=ceremonies),
        sign_in_with_passkey=SignInWithPasskey(
            work=work, ceremonies=ceremonies, start=start, clock=clock, stand_in_key=stand_in_key
        ),
    )
    factors = rpc_factors.Factors(
        list_factors=ListFactors(view=work.reading, require_session=require_session),
        start_totp=StartTotp(work=work, require_session=require_session, factor_key=factor_key, clock=clock),
        confirm_totp=ConfirmTotp(
            work=work, require_session=require_session, start=start, factor_key=factor_key, clock=clock
        ),
        remove_factor=RemoveFactor(work=work, require_session=require_session, clock=clock),
        create_recovery_codes=CreateRecoveryCodes(
            work=work, require_session=require_session, recovery_key=recovery_keys[0], clock=clock
        ),
        start_passkey=StartPasskey(view=work.reading, require_session=require_session, ceremonies=ceremonies),
        add_passkey=AddPasskey(
            work=work, require_session=require_session, start=start, ceremonies=ceremonies, clock=clock
        ),
    )
    services = factors_pb2.DESCRIPTOR.services_by_name
    return (
        Registration(factors_pb2_grpc.add_ProofServiceServicer_to_server, proofs, services["ProofService"]),
        Registration(factors_pb2_grpc.add_FactorServiceServicer_to_server, factors, services["FactorService"]),
    )
