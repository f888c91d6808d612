import pytest

from libs.servicekit.grpc.identity import host_name, of_peer

pytestmark = pytest.mark.s(63)


def names(*found: bytes) -> dict[str, list[bytes]]:
    return {"x509_subject_alternative_name": list(found), "x509_common_name": [b"token.latchkey.internal"]}


def test_identity_is_the_dns_name_of_the_certificate():
    assert host_name("key-rotation") == "key-rotation.latchkey.internal"
    assert of_peer(names(b"key-rotation.latchkey.internal")) == "key-rotation"


@pytest.mark.parametrize(
    "context",
    [
        {},
        names(),
        names(b"token.example"),
        names(b"token.latchkey.internal.evil.example"),
        names(b"latchkey.internal"),
        names(b"token.latchkey.internal", b"cli.latchkey.internal"),
        names(b"\xff\xfe"),
    ],
)
def test_identity_is_none_when_certificate_has_no_name_or_several(context):
    assert of_peer(context) is None
