"""Opens the wrappings that are configured."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp

from libs.servicekit.base.clock import Clock
from services.key_rotation.domain.seals import Wrapping
from services.key_rotation.wrappings.file import FileWrapping
from services.key_rotation.wrappings.security_module import SecurityModuleWrapping, TokenAddress
from services.key_rotation.wrappings.settings import Kind, WrappingSettings
from services.key_rotation.wrappings.vault import VaultWrapping
from services.key_rotation.wrappings.vault_login import KubernetesLogin, TokenFile, VaultLogin


@asynccontextmanager
async def opened_wrappings(settings: WrappingSettings, *, clock: Clock) -> AsyncIterator[list[Wrapping]]:
    """Yield the wrappings, the one that encrypts first. Does not connect yet. Raises OSError for an unreadable file."""
    async with AsyncExitStack() as stack:
        yield [await _open(kind, settings, stack, clock) for kind in settings.wrappings]


async def _open(kind: Kind, settings: WrappingSettings, stack: AsyncExitStack, clock: Clock) -> Wrapping:
    seals = settings.version_that_seals(kind)
    if kind == "vault":
        return await _vault(settings, seals, stack, clock)
    if kind == "pkcs11":
        module = _security_module(settings, seals)
        stack.push_async_callback(module.close)
        return module
    assert settings.key_encryption_key_file is not None  # noqa: S101 - checked by the settings
    ring = settings.key_encryption_key_file
    return FileWrapping(ring.keys, seals=seals or ring.newest)


async def _vault(settings: WrappingSettings, seals: int, stack: AsyncExitStack, clock: Clock) -> Wrapping:
    headers = {"X-Vault-Request": "true"}
    if settings.vault_namespace:
        headers["X-Vault-Namespace"] = settings.vault_namespace
    http = await stack.enter_async_context(
        aiohttp.ClientSession(
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=settings.vault_seconds),
            connector=aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=settings.vault_ca), limit=16),
        )
    )
    return VaultWrapping(
        http,
        _login(settings, http, clock),
        url=str(settings.vault_url),
        mount=settings.vault_mount,
        key=settings.vault_key,
        seals=seals,
    )


def _login(settings: WrappingSettings, http: aiohttp.ClientSession, clock: Clock) -> VaultLogin:
    if settings.vault_token_file is not None:
        return TokenFile(settings.vault_token_file)
    url = f"{settings.vault_url}/v1/auth/{settings.vault_auth_mount}/login"
    return KubernetesLogin(http, url=url, role=settings.vault_role, jwt=settings.vault_jwt_file, clock=clock)


def _security_module(settings: WrappingSettings, seals: int) -> SecurityModuleWrapping:
    assert settings.pkcs11_module is not None  # noqa: S101 - checked by the settings
    assert settings.pkcs11_pin_file is not None  # noqa: S101
    address = TokenAddress(
        settings.pkcs11_module,
        token=settings.pkcs11_token,
        key=settings.pkcs11_key,
        pin=settings.pkcs11_pin_file.read_text(encoding="utf-8").strip(),
    )
    return SecurityModuleWrapping(address, seals=seals, seconds=settings.pkcs11_seconds)
