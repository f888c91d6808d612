"""The Wrapping port: the same tests for a file, a vault and a security module."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from libs.crypto.errors import SealBroken
from libs.oauth.errors import TemporarilyUnavailable
from services.key_rotation.domain.seals import KeySeals, Wrapping
from tests.storage.key_rotation.replicas import ISSUER, ready_made
from tests.storage.key_rotation.wrapped import of_file, of_module, of_vault, open_configured

DATA_KEY = bytes(range(32))
_FIRST, _SECOND = "1:" + "A" * 43, "2:" + "B" * 42 + "A"


@dataclass
class Place:
    """One kind of wrapping with its settings."""

    kind: str
    given: dict[str, Any]
    folder: Path
    rotate: Callable[[], None]
    """Adds a second version of the key."""
    forget_first: Callable[[], None]
    """Removes the first version of the key."""

    def wrappings(self, **more: Any) -> AbstractAsyncContextManager[list[Wrapping]]:
        return open_configured(self.folder, {"key_wrapping": self.kind, **self.given, **more})


@pytest.fixture(params=["file", "vault", "derived", "pkcs11"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "file":

        def lines(*keys: str) -> None:
            of_file(tmp_path, *keys)

        given = of_file(tmp_path, _FIRST)
        return Place("file", given, tmp_path, partial(lines, _FIRST, _SECOND), partial(lines, _SECOND))
    if request.param == "pkcs11":
        hsm = request.getfixturevalue("hsm")
        given = of_module(hsm, tmp_path)
        return Place("pkcs11", given, tmp_path, partial(hsm.make_key, 2), partial(hsm.destroy_key, 1))
    vault = request.getfixturevalue("vault")
    key = vault.keys["latchkey"]
    key.derived = request.param == "derived"
    given = of_vault(vault, tmp_path)
    return Place("vault", given, tmp_path, key.rotate, partial(setattr, key, "oldest", 2))


async def test_unwrap_accepts_only_the_wrapped_data_version_and_binding(place: Place):
    async with place.wrappings() as (wrapping,):
        version, wrapped = await wrapping.wrap(DATA_KEY, bound_to=b"row 1")
        assert (wrapping.name, version) == (place.kind, 1)
        assert DATA_KEY not in wrapped
        assert await wrapping.unwrap(wrapped, version=1, bound_to=b"row 1") == DATA_KEY
        changed = wrapped[:-5] + bytes([wrapped[-5] ^ 1]) + wrapped[-4:]
        for broken, number, bound_to in (
            (wrapped, 1, b"row 2"),
            (wrapped, 1, b""),
            (wrapped, 2, b"row 1"),
            (changed, 1, b"row 1"),
            (b"", 1, b"row 1"),
            (b"rubbish", 1, b"row 1"),
            (wrapped[:20], 1, b"row 1"),
        ):
            with pytest.raises(SealBroken):
                await wrapping.unwrap(broken, version=number, bound_to=bound_to)
        assert await wrapping.unwrap(wrapped, version=1, bound_to=b"row 1") == DATA_KEY


async def test_self_test_succeeds(place: Place):
    async with place.wrappings() as wrappings:
        await KeySeals(wrappings, issuer=ISSUER).self_test()


async def test_wrapping_is_randomized(place: Place):
    async with place.wrappings() as (wrapping,):
        assert (await wrapping.wrap(DATA_KEY, bound_to=b"row")) != (await wrapping.wrap(DATA_KEY, bound_to=b"row"))


async def test_newest_version_wraps_and_older_versions_unwrap(place: Place):
    async with place.wrappings() as (wrapping,):
        _, first = await wrapping.wrap(DATA_KEY, bound_to=b"row")
    place.rotate()
    async with place.wrappings() as (wrapping,):
        assert await wrapping.version() == 2
        version, second = await wrapping.wrap(DATA_KEY, bound_to=b"row")
        assert version == 2
        assert await wrapping.unwrap(first, version=1, bound_to=b"row") == DATA_KEY
        assert await wrapping.unwrap(second, version=2, bound_to=b"row") == DATA_KEY
    async with place.wrappings(key_encryption_key_version=1) as (pinned,):
        assert await pinned.version() == 1
        assert (await pinned.wrap(DATA_KEY, bound_to=b"row"))[0] == 1
    place.forget_first()
    async with place.wrappings() as (wrapping,):
        assert await wrapping.unwrap(second, version=2, bound_to=b"row") == DATA_KEY
        with pytest.raises(SealBroken):
            await wrapping.unwrap(first, version=1, bound_to=b"row")


async def test_encrypted_key_is_bound_to_its_kid(place: Place):
    key = ready_made("ES256")
    async with place.wrappings() as wrappings:
        seals = KeySeals(wrappings, issuer=ISSUER)
        sealed = await seals.seal(key)
        assert (sealed.kek, sealed.kek_version) == (place.kind, 1)
        assert await seals.open(sealed, kid=key.kid, alg="ES256") == key.to_pkcs8()
        with pytest.raises(SealBroken):
            await seals.open(sealed, kid="another", alg="ES256")


async def test_missing_version_does_not_wrap(place: Place):
    if place.kind == "file":
        with pytest.raises(ValueError, match="is not in LATCHKEY_KEY_ENCRYPTION_KEY_FILE"):
            async with place.wrappings(key_encryption_key_version=3):
                pass
        return
    async with place.wrappings(key_encryption_key_version=3) as (wrapping,):
        with pytest.raises(TemporarilyUnavailable, match="KEK_REFUSED"):
            await wrapping.wrap(DATA_KEY, bound_to=b"row")
