"""Builds the use cases of this service from its ports. Used by app.py and by tests; does no I/O."""

from dataclasses import dataclass

from libs.servicekit.base.clock import Clock
from services.key_rotation.adapters.signing_view import SigningView
from services.key_rotation.domain.rotation_policy import RotationPolicy
from services.key_rotation.domain.seals import KeySeals
from services.key_rotation.ports import Begin, Generate, TryLock, View
from services.key_rotation.usecases.advance_keys import AdvanceKeys
from services.key_rotation.usecases.ensure_keys import EnsureKeys
from services.key_rotation.usecases.get_signing_keys import GetSigningKeys
from services.key_rotation.usecases.list_keys import ListKeys
from services.key_rotation.usecases.list_verification_keys import ListVerificationKeys
from services.key_rotation.usecases.revoke_key import RevokeKey
from services.key_rotation.usecases.rewrap_keys import RewrapKeys
from services.key_rotation.usecases.rotate_keys import RotateKeys
from services.key_rotation.usecases.sign_token import SignToken


@dataclass(frozen=True, kw_only=True)
class UseCases:
    ensure_keys: EnsureKeys
    advance_keys: AdvanceKeys
    list_keys: ListKeys
    list_verification_keys: ListVerificationKeys
    get_signing_keys: GetSigningKeys
    sign_token: SignToken
    signing_view: SigningView
    rotate_keys: RotateKeys
    revoke_key: RevokeKey
    rewrap_keys: RewrapKeys


def compose(
    *,
    begin: Begin,
    view: View,
    clock: Clock,
    generate: Generate,
    seals: KeySeals,
    lock: TryLock,
    policy: RotationPolicy,
    issuer: str,
    keep_private_keys: bool,
    signatures_per_second: int,
) -> UseCases:
    """Return the use cases. If `keep_private_keys`, private keys are not delivered and SignToken signs instead."""
    ensure = EnsureKeys(view=view, begin=begin, generate=generate, seals=seals, clock=clock)
    advance = AdvanceKeys(ensure=ensure, view=view, begin=begin, lock=lock, policy=policy, clock=clock)
    list_keys = ListKeys(view=view)
    published = ListVerificationKeys(view=view)
    signing_view = SigningView(published=published, begin=begin, seals=seals, max_age=policy.view_max_age, clock=clock)
    return UseCases(
        ensure_keys=ensure,
        advance_keys=advance,
        list_keys=list_keys,
        list_verification_keys=published,
        get_signing_keys=GetSigningKeys(
            published=published, begin=begin, seals=seals, issuer=issuer, keep_private_keys=keep_private_keys
        ),
        sign_token=SignToken(signers=signing_view, issuer=issuer, per_second=signatures_per_second, clock=clock),
        signing_view=signing_view,
        rotate_keys=RotateKeys(list_keys=list_keys, advance=advance, begin=begin, policy=policy, clock=clock),
        revoke_key=RevokeKey(list_keys=list_keys, advance=advance, begin=begin, policy=policy, clock=clock),
        rewrap_keys=RewrapKeys(list_keys=list_keys, begin=begin, seals=seals),
    )
