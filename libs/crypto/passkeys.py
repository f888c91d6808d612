"""Passkeys (Web Authentication Level 3): options for browsers, and verification of their responses.

The only module that uses the `webauthn` package. All input is untrusted. Attestation is not requested: the make of an
authenticator is not checked.
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
"""Characters. A response without attestation has about two thousand."""
MAX_CREDENTIAL_ID = 1023
"""Web Authentication 6.5.1."""
_TRANSPORTS = frozenset(each.value for each in AuthenticatorTransport)
_TIMEOUT_MILLISECONDS = 5 * 60 * 1000


@dataclass(frozen=True)
class RelyingParty:
    """The domain and the origin for which passkeys are valid, both from the issuer setting."""

    id: str
    origin: str

    @classmethod
    def of(cls, issuer: str) -> "RelyingParty | None":
        """Return None if the issuer is an IP address: browsers do not support passkeys there."""
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
    """A passkey that a browser has created."""

    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    backup_eligible: bool
    """Whether the passkey can be synchronized to other devices."""
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
    """The content of a verified passkey response."""

    sign_count: int
    user_verified: bool
    backed_up: bool


@dataclass(frozen=True, kw_only=True)
class UnverifiedResponse:
    """A parsed passkey response of a browser, not verified."""

    text: str = field(repr=False)
    credential_id: bytes
    challenge: bytes
    user_handle: bytes | None
    """Id of the user; only discoverable passkeys return it."""


def registration_options(
    party: RelyingParty, *, challenge: bytes, user_handle: bytes, username: str, known: Sequence[KnownPasskey]
) -> str:
    """Return the options for `navigator.credentials.create` as JSON."""
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
    """Return the options for `navigator.credentials.get` as JSON. Without `known`, any discoverable passkey fits."""
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
    """Parse a response without verification. Raises PasskeyRefused."""
    if len(text) > MAX_RESPONSE:
        raise PasskeyRefused("too long")
    try:
        answer = json.loads(text)
        client_data = json.loads(_bytes(answer["response"]["clientDataJSON"]))
        handle = answer["response"].get("userHandle")
        credential_id, challenge = _bytes(answer["id"]), _bytes(client_data["challenge"])
        user_handle = _bytes(handle) if handle else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise PasskeyRefused("not a passkey response") from None
    if not 0 < len(credential_id) <= MAX_CREDENTIAL_ID or client_data.get("crossOrigin", False) is not False:
        raise PasskeyRefused("from a page of another origin")
    return UnverifiedResponse(text=text, credential_id=credential_id, challenge=challenge, user_handle=user_handle)


def verify_registration(party: RelyingParty, response: UnverifiedResponse, *, challenge: bytes) -> NewPasskey:
    """Verify the creation of a passkey for this challenge (Web Authentication 7.1). Raises PasskeyRefused."""
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
    """Verify the response of a known passkey to this challenge (Web Authentication 7.2).

    Raises:
        PasskeyRefused: another passkey responded, the signature is invalid, the user was not present (or not verified,
            if required), the signature counter has not increased (a sign of a cloned authenticator), or the backup
            eligibility has changed.
    """
    if response.credential_id != known.credential_id:
        raise PasskeyRefused("another passkey")
    try:
        verified = webauthn.verify_authentication_response(
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
    if (verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE) != known.backup_eligible:
        raise PasskeyRefused("backup eligibility has changed")
    return Assertion(
        sign_count=verified.new_sign_count,
        user_verified=verified.user_verified,
        backed_up=verified.credential_backed_up,
    )


_FAULTS = (WebAuthnException, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError)
"""Exceptions that the package and its parsers raise for invalid responses."""


def _descriptors(known: Sequence[KnownPasskey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=each.credential_id,
            transports=[AuthenticatorTransport(name) for name in each.transports if name in _TRANSPORTS] or None,
        )
        for each in known
    ]


def _transports(text: str) -> tuple[str, ...]:
    """Return the known transports of the passkey: hints for the browser."""
    sent: Any = json.loads(text)["response"].get("transports") or ()
    return tuple(sorted({name for name in sent if isinstance(name, str) and name in _TRANSPORTS}))


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("not base64url") from None
