"""Identity of a gRPC peer: the DNS name in its certificate, `<identity>.latchkey.internal`."""

from collections.abc import Iterable, Mapping

_SUFFIX = ".latchkey.internal"


def host_name(identity: str) -> str:
    """Return the DNS name in the certificate of an identity."""
    return identity + _SUFFIX


def of_peer(auth_context: Mapping[str, Iterable[bytes]]) -> str | None:
    """Return the identity in the certificate of a gRPC peer; None if there is not exactly one."""
    names = [name.decode(errors="replace") for name in auth_context.get("x509_subject_alternative_name", [])]
    identities = [name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)]
    return identities[0] if len(identities) == 1 else None
