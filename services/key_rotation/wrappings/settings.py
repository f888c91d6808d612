"""Settings of the key-encryption key: one wrapping that encrypts, and at most one more that only decrypts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, FilePath, StringConstraints, model_validator

from libs.servicekit.base.settings import PREFIX, PublicUrl, SecretFile, ServiceSettings
from services.key_rotation.adapters.key_ring import KeyRingFile

Kind = Literal["file", "vault", "pkcs11"]
_Path = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")]
_REQUIRED: Final[Mapping[str, Sequence[str]]] = {
    "file": ("key_encryption_key_file",),
    "vault": ("vault_url", "vault_key"),
    "pkcs11": ("pkcs11_module", "pkcs11_token", "pkcs11_key", "pkcs11_pin_file"),
}
_OPTIONAL: Final[Mapping[str, Sequence[str]]] = {
    "file": (),
    "vault": (
        *("vault_mount", "vault_namespace", "vault_ca", "vault_seconds"),
        *("vault_token_file", "vault_role", "vault_auth_mount", "vault_jwt_file"),
    ),
    "pkcs11": ("pkcs11_seconds",),
}


class WrappingSettings(ServiceSettings):
    key_wrapping: Kind = "file"
    """Where the key-encryption key for private keys in the database is: in a `file`, in the transit engine of a `vault`
    (HashiCorp Vault or OpenBao), or in a security module (`pkcs11`)."""
    key_wrapping_formerly: Kind | None = None
    """Where it was before. Needed for decryption until `latchkey key rewrap` has rewrapped every key."""
    key_encryption_key_version: int = Field(default=0, ge=0, lt=2**31)
    """Version of the key-encryption key that encrypts; 0: the newest."""
    key_encryption_key_file: KeyRingFile | None = None
    """For `file`: file with the key-encryption key, or with lines such as `2:<key>` for several versions."""
    vault_url: PublicUrl | None = None
    """For `vault`: base URL of the server."""
    vault_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]*$")] = ""
    """Name of the key in the transit engine. Its type must support associated data, such as aes256-gcm96."""
    vault_mount: _Path = "transit"
    """Mount path of the transit engine."""
    vault_namespace: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]*$")] = ""
    """Namespace of both mount paths."""
    vault_token_file: SecretFile | None = None
    """File with the Vault token, written by an agent; read for each call. Either this or a role."""
    vault_role: str = ""
    """Role for Kubernetes auth with the service account of the pod."""
    vault_auth_mount: _Path = "kubernetes"
    """Mount path of the Kubernetes auth method."""
    vault_jwt_file: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
    """File with the token of the service account."""
    vault_ca: FilePath | None = None
    """PEM file of the certificate authority of the server; default: the system's authorities."""
    vault_seconds: float = Field(default=3, gt=0, le=4)
    """Timeout of a request; shorter than the timeout of callers of this service."""
    pkcs11_module: FilePath | None = None
    """For `pkcs11`: library of the vendor."""
    pkcs11_token: str = ""
    """Label of the token."""
    pkcs11_key: str = ""
    """Label of the AES keys. The CKA_ID of each key is its version number."""
    pkcs11_pin_file: SecretFile | None = None
    """File with the user PIN of the token."""
    pkcs11_seconds: float = Field(default=3, gt=0, le=4)
    """Timeout of a call."""

    @model_validator(mode="after")
    def _check_wrappings(self) -> Self:
        if self.key_wrapping == self.key_wrapping_formerly:
            raise ValueError("LATCHKEY_KEY_WRAPPING_FORMERLY must differ from LATCHKEY_KEY_WRAPPING")
        for kind in _REQUIRED:
            if kind in self.wrappings:
                self._check_complete(kind)
            elif given := [name for name in (*_REQUIRED[kind], *_OPTIONAL[kind]) if name in self.model_fields_set]:
                raise ValueError(f"{_variables(given)}: for {kind}, which is not configured in LATCHKEY_KEY_WRAPPING")
        return self

    def _check_complete(self, kind: Kind) -> None:
        if missing := [name for name in _REQUIRED[kind] if not getattr(self, name)]:
            raise ValueError(f"{_variables(missing)}: missing, required for {kind} (LATCHKEY_KEY_WRAPPING)")
        if kind == "vault" and (self.vault_token_file is None) != bool(self.vault_role):
            raise ValueError("set either LATCHKEY_VAULT_TOKEN_FILE or LATCHKEY_VAULT_ROLE, and not both")

    @model_validator(mode="after")
    def _check_version(self) -> Self:
        version, ring = self.key_encryption_key_version, self.key_encryption_key_file
        if self.key_wrapping == "file" and version and ring is not None and version not in ring.keys:
            raise ValueError("LATCHKEY_KEY_ENCRYPTION_KEY_VERSION is not in LATCHKEY_KEY_ENCRYPTION_KEY_FILE")
        return self

    @property
    def wrappings(self) -> tuple[Kind, ...]:
        """The configured wrappings, the one that encrypts first."""
        return (self.key_wrapping, self.key_wrapping_formerly) if self.key_wrapping_formerly else (self.key_wrapping,)

    def version_that_seals(self, kind: Kind) -> int:
        """Return the version that encrypts; 0: the newest."""
        return self.key_encryption_key_version if kind == self.key_wrapping else 0


def _variables(names: Sequence[str]) -> str:
    return ", ".join(f"{PREFIX}{name.upper()}" for name in names)
