import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import assume, given
from hypothesis import strategies as st

from libs.crypto.errors import InvalidKey, SealBroken
from libs.crypto.sealing import (
    KeyEncryptionKey,
    Recipient,
    binding,
    delivery_binding,
    open_under_key,
    seal_to,
    seal_under_new_key,
)

KEK = KeyEncryptionKey(bytes(range(32)))
RECIPIENT = Recipient()


@given(st.binary(max_size=3000), st.binary(max_size=100))
def test_recipient_opens_a_sealed_value(plaintext: bytes, bound_to: bytes):
    sealed = seal_to(RECIPIENT.public_key, plaintext, bound_to=bound_to)
    assert RECIPIENT.open(sealed, bound_to=bound_to) == plaintext
    assert len(plaintext) < 16 or plaintext not in sealed


def test_sealed_value_is_standard_hpke():
    private = X25519PrivateKey.generate()
    sealed = seal_to(private.public_key().public_bytes_raw(), b"key", bound_to=b"what")
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    assert suite.decrypt(sealed, private, info=b"what") == b"key"


def test_sealed_value_needs_the_recipient_key_and_the_binding():
    sealed = seal_to(RECIPIENT.public_key, b"key", bound_to=b"what")
    with pytest.raises(SealBroken):
        Recipient().open(sealed, bound_to=b"what")
    with pytest.raises(SealBroken):
        RECIPIENT.open(sealed, bound_to=b"what else")


@given(st.binary(max_size=200))
def test_opening_arbitrary_bytes_raises_seal_broken_only(rubbish: bytes):
    with pytest.raises(SealBroken):
        RECIPIENT.open(rubbish, bound_to=b"")
    with pytest.raises(SealBroken):
        KEK.unwrap(rubbish, bound_to=b"")


@given(st.data())
def test_changed_bit_breaks_the_seal(data: st.DataObject):
    sealed = seal_to(RECIPIENT.public_key, b"key", bound_to=b"what")
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    # X25519 ignores the top bit of a point (RFC 7748 5), but HPKE hashes the point as it was sent.
    mutant = bytearray(sealed)
    mutant[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        RECIPIENT.open(bytes(mutant), bound_to=b"what")


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(33), bytes(32), b"\1" + bytes(31)])
def test_invalid_recipient_key_is_refused(public: bytes):
    with pytest.raises(InvalidKey):
        seal_to(public, b"key", bound_to=b"")


@given(st.binary(max_size=3000), st.binary(max_size=100))
def test_envelope_needs_its_kek_and_binding(plaintext: bytes, bound_to: bytes):
    data_key, ciphertext = seal_under_new_key(plaintext, bound_to=bound_to)
    wrapped = KEK.wrap(data_key, bound_to=bound_to)
    assert open_under_key(KEK.unwrap(wrapped, bound_to=bound_to), ciphertext, bound_to=bound_to) == plaintext
    with pytest.raises(SealBroken):
        KEK.unwrap(wrapped, bound_to=bound_to + b"x")
    with pytest.raises(SealBroken):
        open_under_key(data_key, ciphertext, bound_to=bound_to + b"x")
    with pytest.raises(SealBroken):
        KeyEncryptionKey(secrets.token_bytes(32)).unwrap(wrapped, bound_to=bound_to)


def test_every_value_has_its_own_data_key():
    (one, sealed), (two, another) = (seal_under_new_key(b"key", bound_to=b"what") for _ in range(2))
    assert (one, sealed) != (two, another)
    for data_key in (two, b"", one[:16]):
        with pytest.raises(SealBroken):
            open_under_key(data_key, sealed, bound_to=b"what")


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_key_encryption_key_must_have_32_bytes(size: int):
    with pytest.raises(InvalidKey):
        KeyEncryptionKey(bytes(size))


@given(st.lists(st.text(max_size=5) | st.integers()), st.lists(st.text(max_size=5) | st.integers()))
def test_different_parts_give_different_bindings(one, two):
    assume([str(part) for part in one] != [str(part) for part in two])
    assert binding("purpose", *one) != binding("purpose", *two)


def test_delivery_binding_contains_issuer_kid_and_alg():
    bindings = {
        delivery_binding(issuer=issuer, kid=kid, alg=alg)
        for issuer in ("https://a", "https://b")
        for kid in ("1", "2")
        for alg in ("RS256", "ES256")
    }
    assert len(bindings) == 8


def test_new_kek_unwraps_values_of_previous_keys():
    old, new = b"o" * 32, b"n" * 32
    wrapped = KeyEncryptionKey(old).wrap(b"a secret", bound_to=b"row")
    both = KeyEncryptionKey(new, old)
    assert both.unwrap(wrapped, bound_to=b"row") == b"a secret"
    with pytest.raises(SealBroken):
        both.unwrap(wrapped, bound_to=b"another row")
    renewed = both.renewed(wrapped, bound_to=b"row")
    assert KeyEncryptionKey(new).unwrap(renewed, bound_to=b"row") == b"a secret"
    assert both.renewed(renewed, bound_to=b"row") == renewed
    with pytest.raises(SealBroken):
        KeyEncryptionKey(new).renewed(wrapped, bound_to=b"row")
    with pytest.raises(InvalidKey):
        KeyEncryptionKey(new, b"short")
