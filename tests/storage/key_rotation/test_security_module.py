"""A security module that is locked, empty, silent or too generous."""

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from libs.oauth.errors import TemporarilyUnavailable
from services.key_rotation.wrappings import security_module
from services.key_rotation.wrappings.security_module import SecurityModuleWrapping
from tests.storage.key_rotation.softhsm import SoftHsm
from tests.storage.key_rotation.wrapped import of_module, opened

DATA_KEY = bytes(range(32))


async def _refusal(folder: Path, given: dict[str, Any]) -> str:
    async with opened(folder, {"key_wrapping": "pkcs11", **given}) as (wrapping,):
        with pytest.raises(TemporarilyUnavailable) as refusal:
            await wrapping.wrap(DATA_KEY, bound_to=b"row")
        return refusal.value.reason


async def test_a_token_that_is_not_there_is_away(hsm: SoftHsm, tmp_path: Path):
    assert await _refusal(tmp_path, of_module(hsm, tmp_path) | {"pkcs11_token": "another"}) == "KEK_UNREACHABLE"


async def test_a_wrong_pin_opens_nothing(hsm: SoftHsm, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given = of_module(hsm, tmp_path)
    (tmp_path / "pin").write_text("99887766")
    assert await _refusal(tmp_path, given) == "KEK_UNREACHABLE"
    said = "".join(capsys.readouterr())
    assert "PinIncorrect" in said
    assert "99887766" not in said


async def test_a_key_that_is_made_later_is_found(hsm: SoftHsm, tmp_path: Path):
    hsm.destroy_key(1)
    async with opened(tmp_path, {"key_wrapping": "pkcs11", **of_module(hsm, tmp_path)}) as (wrapping,):
        with pytest.raises(TemporarilyUnavailable, match="KEK_REFUSED"):
            await wrapping.wrap(DATA_KEY, bound_to=b"row")
        hsm.make_key(1)
        assert (await wrapping.wrap(DATA_KEY, bound_to=b"row"))[0] == 1


async def test_a_key_that_may_leave_the_module_is_not_used(hsm: SoftHsm, tmp_path: Path):
    hsm.make_key(2, extractable=True)
    assert await _refusal(tmp_path, of_module(hsm, tmp_path)) == "KEK_REFUSED"


async def test_a_session_that_was_lost_is_begun_again(hsm: SoftHsm, tmp_path: Path):
    async with opened(tmp_path, {"key_wrapping": "pkcs11", **of_module(hsm, tmp_path)}) as (wrapping,):
        assert isinstance(wrapping, SecurityModuleWrapping)
        version, wrapped = await wrapping.wrap(DATA_KEY, bound_to=b"row")
        wrapping._session.close()
        with pytest.raises(TemporarilyUnavailable, match="KEK_UNREACHABLE"):
            await wrapping.unwrap(wrapped, version=version, bound_to=b"row")
        assert await wrapping.unwrap(wrapped, version=version, bound_to=b"row") == DATA_KEY


async def test_a_module_that_does_not_answer_holds_up_nobody(hsm: SoftHsm, tmp_path: Path):
    given = {"key_wrapping": "pkcs11", "pkcs11_seconds": 0.05, **of_module(hsm, tmp_path)}
    goes_on = threading.Event()
    async with opened(tmp_path, given) as (wrapping,):
        assert isinstance(wrapping, SecurityModuleWrapping)
        wrapping._thread.submit(goes_on.wait)
        with pytest.raises(TemporarilyUnavailable, match="KEK_UNREACHABLE"):
            await wrapping.wrap(DATA_KEY, bound_to=b"row")
        goes_on.set()


async def test_without_the_optional_dependencies_the_start_says_what_is_missing(
    hsm: SoftHsm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(OSError, match="optional dependencies hsm"):
        security_module._library()
