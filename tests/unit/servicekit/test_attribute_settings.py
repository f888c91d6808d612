"""The attributes that an operator adds come from a file that the environment names."""

from pathlib import Path

import pytest

from libs.servicekit.base.settings import AttributeSettings, ConfigurationError, load

FILE = '[attributes.department]\ntype = "text"\nwriter = "operator"\nscope = "employee"\nlabel = "Department"\n'


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LATCHKEY_ISSUER", "https://id.example")
    for name in ("TLS_CA", "TLS_CERTIFICATE", "TLS_KEY"):
        (tmp_path / name).touch()
        monkeypatch.setenv(f"LATCHKEY_{name}", str(tmp_path / name))


def test_attributes_are_read_from_the_file_named_by_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert load(AttributeSettings).attributes_file.by_name == {}
    (tmp_path / "attributes.toml").write_text(FILE)
    monkeypatch.setenv("LATCHKEY_ATTRIBUTES_FILE", str(tmp_path / "attributes.toml"))
    assert list(load(AttributeSettings).attributes_file.by_name) == ["department"]


@pytest.mark.parametrize("content", [None, FILE.replace("department", "sub"), "not toml"])
def test_invalid_attributes_file_is_a_configuration_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "attributes.toml").write_text(content)
    monkeypatch.setenv("LATCHKEY_ATTRIBUTES_FILE", str(tmp_path / "attributes.toml"))
    with pytest.raises(ConfigurationError) as refusal:
        load(AttributeSettings)
    assert "LATCHKEY_ATTRIBUTES_FILE" in str(refusal.value)
