"""Who a peer is: the DNS name in its certificate, `<identity>.latchkey.internal`."""

from collections.abc import Iterable, Mapping

_SUFFIX = ".latchkey.internal"


def host_name(identity: str) -> str:
    """The DNS name that the certificate of an identity carries."""
    return identity + _SUFFIX


def of_peer(auth_context: Mapping[str, Iterable[bytes]]) -> str | None:
    """The identity that a gRPC peer proved with its certificate; None when it proved none."""
    names = [name.decode(errors="replace") for name in auth_context.get("x509_subject_alternative_name", [])]
    identities = [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]
    return identities[0] if len(identities) == 1 else None
