"""The file with key-encryption keys: a single key, or several versions."""

import base64
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from services.key_rotation.adapters.key_ring import KeyRing, KeyRingFile

FIRST, SECOND = bytes(range(32)), b"\xff" * 32
READ: TypeAdapter[KeyRing] = TypeAdapter(KeyRingFile)


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode()


def _read(folder: Path, text: str) -> KeyRing:
    path = folder / "kek"
    path.write_text(text)
    return READ.validate_python(str(path))


@pytest.mark.parametrize("text", [_text(FIRST), _text(FIRST).rstrip("=") + "\n", f"1:{_text(FIRST)}\n"])
def test_single_key_has_version_1(tmp_path: Path, text: str):
    ring = _read(tmp_path, text)
    assert (ring.keys, ring.newest) == ({1: FIRST}, 1)


def test_lines_contain_versions(tmp_path: Path):
    ring = _read(tmp_path, f"3:{_text(SECOND)}\n1:{_text(FIRST)}\n")
    assert (ring.keys, ring.newest) == ({1: FIRST, 3: SECOND}, 3)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "32 random bytes"),
        ("AAAA", "32 random bytes"),
        ("2:AAAA", "32 random bytes"),
        ("*" * 43, "base64url"),
        ("é", "base64url"),
        (f"{_text(FIRST)}\n{_text(SECOND)}", "lines of a version"),
        (f"1:{_text(FIRST)}\n1:{_text(SECOND)}", "two keys of version 1"),
        (f"0:{_text(FIRST)}", "from 1"),
        (f"-1:{_text(FIRST)}", "from 1"),
        (f"x:{_text(FIRST)}", "from 1"),
    ],
)
def test_malformed_file_is_refused_without_its_content_in_the_error(tmp_path: Path, text: str, fault: str):
    with pytest.raises(ValidationError, match=fault) as refusal:
        _read(tmp_path, text)
    assert _text(FIRST)[:20] not in str([error["msg"] for error in refusal.value.errors()])


def test_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(ValidationError, match="cannot be read"):
        READ.validate_python(str(tmp_path / "nothing"))


@pytest.mark.s(60)
def test_repr_contains_no_keys(tmp_path: Path):
    assert "x00" not in repr(_read(tmp_path, _text(FIRST)))
