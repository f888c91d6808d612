"""docs/keys.md is written by hand: what it names has to be there."""

import re
from pathlib import Path

import pytest

from libs.servicekit.base import metrics
from services.authentication.config import AuthenticationSettings
from services.event_bridge.config import EventBridgeSettings
from services.key_rotation.adapters import key_ages, sealing_health
from services.key_rotation.config import KeyRotationSettings
from services.key_rotation.usecases import sign_token
from services.token.adapters import signing_keys
from services.token.config import TokenSettings
from services.token.usecases.clients import authenticate_client

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "keys.md").read_text(encoding="utf-8")
SETTINGS = {
    name: field
    for settings in (KeyRotationSettings, TokenSettings, AuthenticationSettings, EventBridgeSettings)
    for name, field in settings.model_fields.items()
}


def test_every_metric_of_an_alert_exists():
    ours = (
        metrics.KEY_VIEW_AGE_SECONDS,
        signing_keys.UNKNOWN_KID,
        key_ages.SIGNING_KEY_AGE_SECONDS,
        key_ages.ROTATION_FAILURES,
        sealing_health.KEY_ENCRYPTION_UP,
        sign_token.SIGNATURES,
        authenticate_client.RENEWED,
    )
    known = {
        f"{family.name}_total" if family.type == "counter" else family.name for of in ours for family in of.collect()
    }
    assert set(re.findall(r"\blatchkey_[a-z_]+", PAGE)) == known


@pytest.mark.parametrize("variable", sorted(set(re.findall(r"\bLATCHKEY_([A-Z_]+)", PAGE))))
def test_every_setting_exists(variable: str):
    assert variable.lower() in SETTINGS


def test_the_numbers_are_the_defaults():
    period = SETTINGS["key_period_seconds"].default
    assert f"1.5 * {period}" in PAGE
    minutes = {name: SETTINGS[name].default // 60 for name in ("jwks_max_age_seconds", "publication_max_age_seconds")}
    assert minutes == {"jwks_max_age_seconds": 5, "publication_max_age_seconds": 15}
    assert f"stop signing at {SETTINGS['key_view_max_age_seconds'].default}" in PAGE
    assert "(45 minutes with the defaults)" in PAGE
