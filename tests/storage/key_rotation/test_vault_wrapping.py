"""A vault that is away, sealed, strict or odd; and how we prove to it who we are."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.crypto.errors import SealBroken
from libs.oauth.errors import TemporarilyUnavailable
from services.key_rotation.domain.seals import KeySeals
from tests.storage.key_rotation.replicas import ISSUER, StoppedClock
from tests.storage.key_rotation.transit import ACCOUNT, ROLE, TransitKey, Vault
from tests.storage.key_rotation.wrapped import of_vault, opened

DATA_KEY = bytes(range(32))


async def _refusal(folder: Path, given: dict[str, Any]) -> str:
    async with opened(folder, {"key_wrapping": "vault", **given}) as (wrapping,):
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
async def test_what_is_configured_wrongly_says_so(vault: Vault, tmp_path: Path, wrong: dict[str, Any], reason: str):
    assert await _refusal(tmp_path, of_vault(vault, tmp_path) | wrong) == reason


async def test_a_vault_that_is_sealed_or_silent_is_away(vault: Vault, tmp_path: Path):
    vault.sealed = True
    assert await _refusal(tmp_path, of_vault(vault, tmp_path)) == "KEK_UNREACHABLE"
    vault.sealed, vault.hangs = False, True
    assert await _refusal(tmp_path, of_vault(vault, tmp_path) | {"vault_seconds": 0.05}) == "KEK_UNREACHABLE"


@pytest.mark.parametrize("token", ["", "two\nlines", "another"])
async def test_a_token_that_is_none_is_said_to_be_so(vault: Vault, tmp_path: Path, token: str):
    assert await _refusal(tmp_path, of_vault(vault, tmp_path, token)) == "KEK_FORBIDDEN"
    assert len(vault.asked) == (token == "another")


async def test_a_token_that_an_agent_has_replaced_is_read_again(vault: Vault, tmp_path: Path):
    async with opened(tmp_path, {"key_wrapping": "vault", **of_vault(vault, tmp_path)}) as (wrapping,):
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


async def test_a_pod_logs_in_once_and_again_before_its_token_ends(vault: Vault, tmp_path: Path):
    clock = StoppedClock()
    async with opened(tmp_path, _of_role(vault, tmp_path), clock) as (wrapping,):
        for _ in range(2):
            await wrapping.wrap(DATA_KEY, bound_to=b"row")
        assert [path for path, *_ in vault.asked].count("/v1/auth/kubernetes/login") == 1
        clock.move(timedelta(minutes=41))
        await wrapping.wrap(DATA_KEY, bound_to=b"row")
    assert [path for path, *_ in vault.asked].count("/v1/auth/kubernetes/login") == 2
    assert {headers["X-Vault-Namespace"] for *_, headers in vault.asked} == {"team"}


async def test_a_pod_whose_token_was_taken_away_logs_in_again(vault: Vault, tmp_path: Path):
    async with opened(tmp_path, _of_role(vault, tmp_path)) as (wrapping,):
        version, wrapped = await wrapping.wrap(DATA_KEY, bound_to=b"row")
        vault.tokens.clear()
        assert await wrapping.unwrap(wrapped, version=version, bound_to=b"row") == DATA_KEY


async def test_a_pod_that_is_not_let_in_says_so(vault: Vault, tmp_path: Path):
    assert await _refusal(tmp_path, _of_role(vault, tmp_path, jwt="somebody else's")) == "KEK_FORBIDDEN"


async def test_a_vault_that_binds_nothing_seals_nothing(vault: Vault, tmp_path: Path):
    vault.keys["latchkey"] = TransitKey(knows_associated_data=False)
    async with opened(tmp_path, {"key_wrapping": "vault", **of_vault(vault, tmp_path)}) as wrappings:
        with pytest.raises(SealBroken, match="binds nothing"):
            await KeySeals(wrappings, issuer=ISSUER).prove()


@pytest.mark.s(60)
async def test_the_log_has_neither_token_nor_data_key(vault: Vault, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    vault.keys.clear()
    await _refusal(tmp_path, of_vault(vault, tmp_path))
    said = "".join(capsys.readouterr())
    sent = vault.asked[0][1]["plaintext"]
    assert "encryption key not found" in said
    assert "root" not in said
    assert sent not in said
