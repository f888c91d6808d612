"""Passkeys (Web Authentication Level 3): what browsers are asked for, and whether their answers hold.

The one module that knows the `webauthn` package. Everything that comes in is a stranger's; nothing is attested, since
whose make an authenticator is decides nothing here.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import options_to_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from libs.crypto.errors import PasskeyRefused

MAX_RESPONSE = 16 * 1024
"""Characters. Without attestation an answer has two thousand or so."""
MAX_CREDENTIAL_ID = 1023
"""Web Authentication 6.5.1."""
_TRANSPORTS = frozenset(each.value for each in AuthenticatorTransport)
_TIMEOUT_MILLISECONDS = 5 * 60 * 1000


@dataclass(frozen=True)
class RelyingParty:
    """Where passkeys are good: at this origin, and for this domain, both from configuration."""

    id: str
    origin: str

    @classmethod
    def of(cls, issuer: str) -> "RelyingParty | None":
        """None where browsers know no passkeys: at an IP address."""
        parts = urlsplit(issuer)
        host = parts.hostname or ""
        try:
            ip_address(host)
        except ValueError:
            default = {"https": 443, "http": 80}.get(parts.scheme)
            port = "" if parts.port in {None, default} else f":{parts.port}"
            return cls(host, f"{parts.scheme}://{host}{port}")
        return None


@dataclass(frozen=True, kw_only=True)
class NewPasskey:
    """What a browser has made."""

    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    backup_eligible: bool
    """It may be copied to other devices, so what has it is software."""
    backed_up: bool
    transports: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class KnownPasskey:
    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    backup_eligible: bool
    transports: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Assertion:
    """What a passkey that holds has said."""

    sign_count: int
    user_verified: bool
    backed_up: bool


@dataclass(frozen=True, kw_only=True)
class UnverifiedResponse:
    """An answer of a browser; nothing in it has been judged."""

    text: str = field(repr=False)
    credential_id: bytes
    challenge: bytes
    user_handle: bytes | None
    """Whose the passkey says that it is; only discoverable ones say so."""


def registration_options(
    party: RelyingParty, *, challenge: bytes, user_handle: bytes, username: str, known: Sequence[KnownPasskey]
) -> str:
    """What `navigator.credentials.create` is asked for, as JSON."""
    options = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name=party.id,
        user_id=user_handle,
        user_name=username,
        user_display_name=username,
        challenge=challenge,
        timeout=_TIMEOUT_MILLISECONDS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
        exclude_credentials=_descriptors(known),
    )
    return options_to_json(options)


def request_options(
    party: RelyingParty, *, challenge: bytes, known: Sequence[KnownPasskey] = (), user_verification: bool
) -> str:
    """What `navigator.credentials.get` is asked for, as JSON. None are `known`: whoever is there says who they are."""
    required, preferred = UserVerificationRequirement.REQUIRED, UserVerificationRequirement.PREFERRED
    options = webauthn.generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=_TIMEOUT_MILLISECONDS,
        allow_credentials=_descriptors(known),
        user_verification=required if user_verification else preferred,
    )
    return options_to_json(options)


def read_response(text: str) -> UnverifiedResponse:
    """Takes an answer apart, without judging it. Raises PasskeyRefused."""
    if len(text) > MAX_RESPONSE:
        raise PasskeyRefused("too long")
    try:
        answer = json.loads(text)
        client_data = json.loads(_bytes(answer["response"]["clientDataJSON"]))
        handle = answer["response"].get("userHandle")
        credential_id, challenge = _bytes(answer["id"]), _bytes(client_data["challenge"])
        user_handle = _bytes(handle) if handle else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise PasskeyRefused("not an answer of a browser") from None
    if not 0 < len(credential_id) <= MAX_CREDENTIAL_ID or client_data.get("crossOrigin", False) is not False:
        raise PasskeyRefused("not from our own page")
    return UnverifiedResponse(text=text, credential_id=credential_id, challenge=challenge, user_handle=user_handle)


def verify_registration(party: RelyingParty, response: UnverifiedResponse, *, challenge: bytes) -> NewPasskey:
    """The passkey that was made for us, for this challenge (Web Authentication 7.1). Raises PasskeyRefused."""
    try:
        made = webauthn.verify_registration_response(
            credential=response.text,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
        )
    except _FAULTS as error:
        raise PasskeyRefused(type(error).__name__) from None
    return NewPasskey(
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        backup_eligible=made.credential_device_type is CredentialDeviceType.MULTI_DEVICE,
        backed_up=made.credential_backed_up,
        transports=_transports(response.text),
    )


def verify_assertion(
    party: RelyingParty,
    response: UnverifiedResponse,
    known: KnownPasskey,
    *,
    challenge: bytes,
    user_verification: bool,
) -> Assertion:
    """What the passkey says of this challenge (Web Authentication 7.2).

    Raises:
        PasskeyRefused: it is another one, the signature does not hold, nobody was there (or, where that is asked for,
            verified), its counter has not risen, which a copy's would not, or it was made not to be copied and now says
            otherwise.
    """
    if response.credential_id != known.credential_id:
        raise PasskeyRefused("another passkey")
    try:
        said = webauthn.verify_authentication_response(
            credential=response.text,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=known.public_key,
            credential_current_sign_count=known.sign_count,
            require_user_verification=user_verification,
        )
    except _FAULTS as error:
        raise PasskeyRefused(type(error).__name__) from None
    if (said.credential_device_type is CredentialDeviceType.MULTI_DEVICE) != known.backup_eligible:
        raise PasskeyRefused("backup eligibility has changed")
    return Assertion(
        sign_count=said.new_sign_count, user_verified=said.user_verified, backed_up=said.credential_backed_up
    )


_FAULTS = (WebAuthnException, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError)
"""What the package raises for answers that do not hold, its parsers' own errors among it."""


def _descriptors(known: Sequence[KnownPasskey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=each.credential_id,
            transports=[AuthenticatorTransport(name) for name in each.transports if name in _TRANSPORTS] or None,
        )
        for each in known
    ]


def _transports(text: str) -> tuple[str, ...]:
    """How the browser reaches it, as far as that is known; a hint, and no more."""
    said: Any = json.loads(text)["response"].get("transports") or ()
    return tuple(sorted({name for name in said if isinstance(name, str) and name in _TRANSPORTS}))


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("not base64url") from None
