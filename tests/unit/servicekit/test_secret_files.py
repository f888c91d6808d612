import os
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from libs.servicekit.base.secret_files import check_secret_file
from libs.servicekit.base.settings import SecretFile, SecretKeyFile, SecretKeysFile


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret.key"
    file.write_text("A" * 43)
    return file


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640, 0o700])
def test_private_file_is_accepted(secret: Path, mode: int):
    secret.chmod(mode)
    assert check_secret_file(secret) == secret


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o666, 0o602, 0o620, 0o660, 0o601, 0o777])
def test_file_that_others_can_use_is_refused_with_the_command_that_repairs_it(secret: Path, mode: int):
    secret.chmod(mode)
    with pytest.raises(ValueError, match=f"mode {mode:04o}.*run chmod 600 {secret}"):
        check_secret_file(secret)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
@pytest.mark.parametrize(("mode", "accepted"), [(0o444, True), (0o644, True), (0o664, True), (0o646, False)])
def test_file_of_another_user_may_be_readable_and_not_writable_by_others(secret: Path, mode: int, *, accepted: bool):
    """A container runtime mounts secrets with an owner and a mode that the service cannot change."""
    os.chown(secret, 65_534, 65_534)
    secret.chmod(mode)
    if accepted:
        assert check_secret_file(secret) == secret
        return
    with pytest.raises(ValueError, match="run chmod 600"):
        check_secret_file(secret)


def test_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="cannot be read"):
        check_secret_file(tmp_path / "missing")


class _Settings(BaseModel):
    file: SecretFile | None = None
    key: SecretKeyFile | None = None
    keys: SecretKeysFile | None = None


@pytest.mark.parametrize("name", ["file", "key", "keys"])
def test_setting_with_a_readable_file_is_refused_without_its_content(secret: Path, name: str):
    secret.chmod(0o666)
    with pytest.raises(ValidationError) as refusal:
        _Settings.model_validate({name: str(secret)})
    (error,) = refusal.value.errors(include_input=False)
    assert f"run chmod 600 {secret}" in error["msg"]
    assert "A" * 43 not in error["msg"]
