import json
from typing import Any

import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet as JoserfcKeySet

from libs.crypto.errors import SealBroken
from libs.crypto.jwk import PRIVATE_MEMBERS
from libs.crypto.jwt import SigningKey, sign_jwt
from libs.crypto.sealing import Recipient, delivery_binding
from libs.oauth.errors import InvalidRequest, TemporarilyUnavailable
from libs.oauth.reasons import Reason
from services.key_rotation.domain.keys import KeyState
from tests.storage.key_rotation.replicas import ISSUER, NOON, Replica
from tests.support.databases import statements

CLAIMS = {"iss": ISSUER, "sub": "u", "aud": "c", "iat": 1, "exp": 2}


def _opened(recipient: Recipient, key, *, issuer: str = ISSUER) -> SigningKey:
    bound_to = delivery_binding(issuer=issuer, kid=key.kid, alg=key.alg)
    return SigningKey.from_pkcs8(key.kid, key.alg, recipient.open(key.sealed, bound_to=bound_to))


async def test_published_keys_verify_signatures_of_delivered_keys(replica: Replica):
    await replica.ensure()
    recipient = Recipient()
    delivery = await replica.signing(recipient.public_key)
    jwks = JoserfcKeySet.import_key_set({"keys": [json.loads(key.public_jwk) for key in delivery.verification]})
    assert len(delivery.signing) == 4
    for key in delivery.signing:
        token = sign_jwt(CLAIMS, _opened(recipient, key), typ="JWT")
        assert joserfc_jwt.decode(token, jwks, algorithms=[key.alg]).claims == CLAIMS


async def test_active_keys_have_activates_at_and_unscheduled_next_keys_do_not(replica: Replica):
    await replica.ensure()
    delivery = await replica.signing(Recipient().public_key)
    moments = {key.kid: key.activates_at for key in delivery.signing}
    for key in delivery.verification:
        assert moments[key.kid] == (NOON if key.state is KeyState.ACTIVE else None)


@pytest.mark.s(30)
async def test_published_keys_have_no_private_member(replica: Replica):
    await replica.ensure()
    for key in await replica.published():
        jwk = json.loads(key.public_jwk)
        assert PRIVATE_MEMBERS.isdisjoint(jwk)
        assert (jwk["kid"], jwk["alg"], jwk["use"]) == (key.kid, key.alg, "sig")


async def test_held_keys_are_not_decrypted(replica: Replica, monkeypatch: pytest.MonkeyPatch):
    """A token replica with the keys keeps working while the key-encryption key is unavailable."""
    await replica.ensure()
    held = [key.kid for key in (await replica.signing(Recipient().public_key)).signing]

    async def unavailable(*_: Any, **__: Any) -> Any:
        raise TemporarilyUnavailable(reason=Reason.KEK_UNREACHABLE)

    monkeypatch.setattr(replica.wrapping, "unwrap", unavailable)
    delivery = await replica.signing(Recipient().public_key, held=held)
    assert [(key.kid, key.sealed) for key in delivery.signing] == [(kid, b"") for kid in held]
    with pytest.raises(TemporarilyUnavailable, match="KEK_UNREACHABLE"):
        await replica.signing(Recipient().public_key, held=held[1:])


async def test_delivery_can_be_opened_by_the_recipient_only(replica: Replica):
    await replica.ensure()
    recipient = Recipient()
    first, second, *_ = (await replica.signing(recipient.public_key)).signing
    with pytest.raises(SealBroken):
        _opened(Recipient(), first)
    with pytest.raises(SealBroken):
        _opened(recipient, first, issuer="https://other.example")
    with pytest.raises(SealBroken):
        recipient.open(first.sealed, bound_to=delivery_binding(issuer=ISSUER, kid=second.kid, alg=second.alg))


@pytest.mark.parametrize("public_key", [b"", bytes(31), bytes(33), bytes(32)], ids=["empty", "short", "long", "zero"])
async def test_invalid_recipient_key_is_refused(replica: Replica, public_key: bytes):
    await replica.ensure()
    with pytest.raises(InvalidRequest) as refusal:
        await replica.signing(public_key)
    assert refusal.value.reason == "RECIPIENT_KEY_INVALID"


async def test_requests_are_refused_while_there_are_no_keys(replica: Replica):
    for call in (replica.published(), replica.signing(Recipient().public_key), replica.signing.check_seals()):
        with pytest.raises(TemporarilyUnavailable) as refusal:
            await call
        assert refusal.value.reason == "KEYS_NOT_READY"


async def test_get_signing_keys_uses_one_statement(replica: Replica):
    await replica.ensure()
    await replica.signing(Recipient().public_key)
    with statements(replica.database) as sent:
        await replica.signing(Recipient().public_key)
    assert len(sent) == 1
