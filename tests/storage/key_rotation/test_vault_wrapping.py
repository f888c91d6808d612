"""Errors of the vault, and authentication to it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.crypto.errors import SealBroken
from libs.oauth.errors import TemporarilyUnavailable
from services.key_rotation.domain.seals import KeySeals
from tests.storage.key_rotation.replicas import ISSUER, StoppedClock
from tests.storage.key_rotation.transit import ACCOUNT, ROLE, TransitKey, Vault
from tests.storage.key_rotation.wrapped import of_vault, open_configured

DATA_KEY = bytes(range(32))


async def _refusal(folder: Path, given: dict[str, Any]) -> str:
    async with open_configured(folder, {"key_wrapping": "vault", **given}) as (wrapping,):
        with pytest.raises(TemporarilyUnavailable) as refusal:
            await wrapping.wrap(DATA_KEY, bound_to=b"row")
        return refusal.value.reason


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"vault_url": "http://127.0.0.1:1"}, "KEK_UNREACHABLE"),
        ({"vault_mount": "elsewhere"}, "KEK_REFUSED"),
        ({"vault_key": "unknown"}, "KEK_REFUSED"),
    ],
)
async def test_wrong_vault_settings_are_reported_by_reason(
    vault: Vault, tmp_path: Path, wrong: dict[str, Any], reason: str
):
    assert await _refusal(tmp_path, of_vault(vault, tmp_path) | wrong) == reason


async def test_sealed_or_hanging_vault_is_unreachable(vault: Vault, tmp_path: Path):
    vault.sealed = True
    assert await _refusal(tmp_path, of_vault(vault, tmp_path)) == "KEK_UNREACHABLE"
    vault.sealed, vault.hangs = False, True
    assert await _refusal(tmp_path, of_vault(vault, tmp_path) | {"vault_seconds": 0.05}) == "KEK_UNREACHABLE"


@pytest.mark.parametrize("token", ["", "two\nlines", "another"])
async def test_invalid_vault_token_is_forbidden(vault: Vault, tmp_path: Path, token: str):
    assert await _refusal(tmp_path, of_vault(vault, tmp_path, token)) == "KEK_FORBIDDEN"
    assert len(vault.asked) == (token == "another")


async def test_replaced_token_file_is_read_again(vault: Vault, tmp_path: Path):
    async with open_configured(tmp_path, {"key_wrapping": "vault", **of_vault(vault, tmp_path)}) as (wrapping,):
        await wrapping.wrap(DATA_KEY, bound_to=b"row")
        vault.tokens = {"renewed"}
        of_vault(vault, tmp_path, "renewed")
        await wrapping.wrap(DATA_KEY, bound_to=b"row")
    assert vault.asked[-1][2]["X-Vault-Token"] == "renewed"


def _of_role(vault: Vault, folder: Path, jwt: str = ACCOUNT) -> dict[str, Any]:
    (folder / "jwt").write_text(jwt)
    given = of_vault(vault, folder) | {"vault_role": ROLE, "vault_jwt_file": str(folder / "jwt")}
    del given["vault_token_file"]
    return {"key_wrapping": "vault", "vault_namespace": "team", **given}


async def test_kubernetes_login_is_repeated_before_the_token_expires(vault: Vault, tmp_path: Path):
    clock = StoppedClock()
    async with open_configured(tmp_path, _of_role(vault, tmp_path), clock) as (wrapping,):
        for _ in range(2):
            await wrapping.wrap(DATA_KEY, bound_to=b"row")
        assert [path for path, *_ in vault.asked].count("/v1/auth/kubernetes/login") == 1
        clock.move(timedelta(minutes=41))
        await wrapping.wrap(DATA_KEY, bound_to=b"row")
    assert [path for path, *_ in vault.asked].count("/v1/auth/kubernetes/login") == 2
    assert {headers["X-Vault-Namespace"] for *_, headers in vault.asked} == {"team"}


async def test_kubernetes_login_is_repeated_when_the_token_was_revoked(vault: Vault, tmp_path: Path):
    async with open_configured(tmp_path, _of_role(vault, tmp_path)) as (wrapping,):
        version, wrapped = await wrapping.wrap(DATA_KEY, bound_to=b"row")
        vault.tokens.clear()
        assert await wrapping.unwrap(wrapped, version=version, bound_to=b"row") == DATA_KEY


async def test_refused_kubernetes_login_is_forbidden(vault: Vault, tmp_path: Path):
    assert await _refusal(tmp_path, _of_role(vault, tmp_path, jwt="another account")) == "KEK_FORBIDDEN"


async def test_self_test_fails_when_the_vault_key_ignores_associated_data(vault: Vault, tmp_path: Path):
    vault.keys["latchkey"] = TransitKey(knows_associated_data=False)
    async with open_configured(tmp_path, {"key_wrapping": "vault", **of_vault(vault, tmp_path)}) as wrappings:
        with pytest.raises(SealBroken, match="ignores associated data"):
            await KeySeals(wrappings, issuer=ISSUER).self_test()


@pytest.mark.s(60)
async def test_log_contains_no_vault_token_and_no_data_key(
    vault: Vault, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    vault.keys.clear()
    await _refusal(tmp_path, of_vault(vault, tmp_path))
    said = "".join(capsys.readouterr())
    sent = vault.asked[0][1]["plaintext"]
    assert "encryption key not found" in said
    assert "root" not in said
    assert sent not in said
