"""Where the key-encryption key is kept: exactly one place that seals, and at most one more that still opens."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, FilePath, StringConstraints, model_validator

from libs.servicekit.base.settings import PREFIX, PublicUrl, ServiceSettings
from services.key_rotation.adapters.key_ring import KeyRingFile

Kind = Literal["file", "vault", "pkcs11"]
_Path = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")]
_NEEDED: Final[Mapping[str, Sequence[str]]] = {
    "file": ("key_encryption_key_file",),
    "vault": ("vault_url", "vault_key"),
    "pkcs11": ("pkcs11_module", "pkcs11_token", "pkcs11_key", "pkcs11_pin_file"),
}
_FURTHER: Final[Mapping[str, Sequence[str]]] = {
    "file": (),
    "vault": (
        *("vault_mount", "vault_namespace", "vault_ca", "vault_seconds"),
        *("vault_token_file", "vault_role", "vault_auth_mount", "vault_jwt_file"),
    ),
    "pkcs11": ("pkcs11_seconds",),
}


class WrappingSettings(ServiceSettings):
    key_wrapping: Kind = "file"
    """Where the key-encryption key is, which seals private keys in the database: a `file`, the transit engine of a
    `vault` (HashiCorp Vault or OpenBao), or a security module (`pkcs11`)."""
    key_wrapping_formerly: Kind | None = None
    """Where it was before: still opens, until `latchkey key rewrap` has nothing left to do."""
    key_encryption_key_version: int = Field(default=0, ge=0, lt=2**31)
    """The version that seals; 0: the newest that there is."""
    key_encryption_key_file: KeyRingFile | None = None
    """For `file`: what private keys are sealed under. Lines such as `2:<key>` hold several versions: all open."""
    vault_url: PublicUrl | None = None
    """For `vault`: where it is."""
    vault_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]*$")] = ""
    """Name of the key in the transit engine: of a type with associated data, such as aes256-gcm96."""
    vault_mount: _Path = "transit"
    """Where the transit engine is mounted."""
    vault_namespace: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]*$")] = ""
    """Namespace of both mounts."""
    vault_token_file: FilePath | None = None
    """File with the token to use, as an agent keeps it; read for each call. Either this or a role."""
    vault_role: str = ""
    """Role to log in with by the pod's service account (Kubernetes auth)."""
    vault_auth_mount: _Path = "kubernetes"
    """Where the Kubernetes auth method is mounted."""
    vault_jwt_file: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
    """The service account's token."""
    vault_ca: FilePath | None = None
    """PEM of the authority that signed the vault's certificate; by default the system's."""
    vault_seconds: float = Field(default=3, gt=0, le=4)
    """How long an answer is waited for: less than those who ask us wait."""
    pkcs11_module: FilePath | None = None
    """For `pkcs11`: the vendor's library."""
    pkcs11_token: str = ""
    """Label of the token."""
    pkcs11_key: str = ""
    """Label of the AES keys there; the CKA_ID of each is the number of its version."""
    pkcs11_pin_file: FilePath | None = None
    """File with the PIN of the token's user."""
    pkcs11_seconds: float = Field(default=3, gt=0, le=4)
    """How long an answer is waited for."""

    @model_validator(mode="after")
    def _the_key_is_in_one_place(self) -> Self:
        if self.key_wrapping == self.key_wrapping_formerly:
            raise ValueError("LATCHKEY_KEY_WRAPPING_FORMERLY is where the key-encryption key is now")
        for kind in _NEEDED:
            if kind in self.wrappings:
                self._check_complete(kind)
            elif given := [name for name in (*_NEEDED[kind], *_FURTHER[kind]) if name in self.model_fields_set]:
                raise ValueError(f"{_variables(given)}: for {kind}, which LATCHKEY_KEY_WRAPPING does not name")
        return self

    def _check_complete(self, kind: Kind) -> None:
        if missing := [name for name in _NEEDED[kind] if not getattr(self, name)]:
            raise ValueError(f"{_variables(missing)}: missing, and needed for {kind} (LATCHKEY_KEY_WRAPPING)")
        if kind == "vault" and (self.vault_token_file is None) != bool(self.vault_role):
            raise ValueError("LATCHKEY_VAULT_TOKEN_FILE or LATCHKEY_VAULT_ROLE, and not both")

    @model_validator(mode="after")
    def _the_version_that_seals_is_in_the_file(self) -> Self:
        version, ring = self.key_encryption_key_version, self.key_encryption_key_file
        if self.key_wrapping == "file" and version and ring is not None and version not in ring.keys:
            raise ValueError("LATCHKEY_KEY_ENCRYPTION_KEY_VERSION is not in LATCHKEY_KEY_ENCRYPTION_KEY_FILE")
        return self

    @property
    def wrappings(self) -> tuple[Kind, ...]:
        """The one that seals first."""
        return (self.key_wrapping, self.key_wrapping_formerly) if self.key_wrapping_formerly else (self.key_wrapping,)

    def version_that_seals(self, kind: Kind) -> int:
        """0: the newest."""
        return self.key_encryption_key_version if kind == self.key_wrapping else 0


def _variables(names: Sequence[str]) -> str:
    return ", ".join(f"{PREFIX}{name.upper()}" for name in names)
