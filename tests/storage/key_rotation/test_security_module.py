"""Errors of security modules: wrong PIN, missing key, timeout, extractable key."""

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from libs.oauth.errors import TemporarilyUnavailable
from services.key_rotation.wrappings import security_module
from services.key_rotation.wrappings.security_module import SecurityModuleWrapping
from tests.storage.key_rotation.softhsm import SoftHsm
from tests.storage.key_rotation.wrapped import of_module, open_configured

DATA_KEY = bytes(range(32))


async def _refusal(folder: Path, given: dict[str, Any]) -> str:
    async with open_configured(folder, {"key_wrapping": "pkcs11", **given}) as (wrapping,):
        with pytest.raises(TemporarilyUnavailable) as refusal:
            await wrapping.wrap(DATA_KEY, bound_to=b"row")
        return refusal.value.reason


async def test_unknown_token_is_reported_as_unreachable(hsm: SoftHsm, tmp_path: Path):
    assert await _refusal(tmp_path, of_module(hsm, tmp_path) | {"pkcs11_token": "another"}) == "KEK_UNREACHABLE"


async def test_wrong_pin_is_refused_and_not_logged(hsm: SoftHsm, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    given = of_module(hsm, tmp_path)
    (tmp_path / "pin").write_text("99887766")
    assert await _refusal(tmp_path, given) == "KEK_UNREACHABLE"
    said = "".join(capsys.readouterr())
    assert "PinIncorrect" in said
    assert "99887766" not in said


async def test_key_created_later_is_found(hsm: SoftHsm, tmp_path: Path):
    hsm.destroy_key(1)
    async with open_configured(tmp_path, {"key_wrapping": "pkcs11", **of_module(hsm, tmp_path)}) as (wrapping,):
        with pytest.raises(TemporarilyUnavailable, match="KEK_REFUSED"):
            await wrapping.wrap(DATA_KEY, bound_to=b"row")
        hsm.make_key(1)
        assert (await wrapping.wrap(DATA_KEY, bound_to=b"row"))[0] == 1


async def test_extractable_key_is_refused(hsm: SoftHsm, tmp_path: Path):
    hsm.make_key(2, extractable=True)
    assert await _refusal(tmp_path, of_module(hsm, tmp_path)) == "KEK_REFUSED"


async def test_lost_session_is_reopened(hsm: SoftHsm, tmp_path: Path):
    async with open_configured(tmp_path, {"key_wrapping": "pkcs11", **of_module(hsm, tmp_path)}) as (wrapping,):
        assert isinstance(wrapping, SecurityModuleWrapping)
        version, wrapped = await wrapping.wrap(DATA_KEY, bound_to=b"row")
        wrapping._session.close()
        with pytest.raises(TemporarilyUnavailable, match="KEK_UNREACHABLE"):
            await wrapping.unwrap(wrapped, version=version, bound_to=b"row")
        assert await wrapping.unwrap(wrapped, version=version, bound_to=b"row") == DATA_KEY


async def test_call_times_out_when_the_module_does_not_respond(hsm: SoftHsm, tmp_path: Path):
    given = {"key_wrapping": "pkcs11", "pkcs11_seconds": 0.05, **of_module(hsm, tmp_path)}
    goes_on = threading.Event()
    async with open_configured(tmp_path, given) as (wrapping,):
        assert isinstance(wrapping, SecurityModuleWrapping)
        wrapping._thread.submit(goes_on.wait)
        with pytest.raises(TemporarilyUnavailable, match="KEK_UNREACHABLE"):
            await wrapping.wrap(DATA_KEY, bound_to=b"row")
        goes_on.set()


async def test_missing_optional_dependencies_are_reported(
    hsm: SoftHsm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(OSError, match="optional dependencies hsm"):
        security_module._library()
